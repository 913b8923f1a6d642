use super::*;

fn found(needs: &[&[u32]]) -> Vec<Vec<u32>> {
    cycles(&needs.iter().map(|needs| needs.to_vec()).collect::<Vec<_>>())
}

#[test]
fn sound_graphs_have_no_cycles() {
    assert_eq!(found(&[]), Vec::<Vec<u32>>::new());
    assert_eq!(found(&[&[], &[0], &[0, 1], &[2, 0]]), Vec::<Vec<u32>>::new());
    assert_eq!(found(&[&[1, 2], &[2], &[]]), Vec::<Vec<u32>>::new());
}

#[test]
fn one_shortest_cycle_is_found_per_group() {
    assert_eq!(found(&[&[1], &[0]]), [[0, 1]]);
    assert_eq!(found(&[&[1], &[2, 0], &[0]]), [[0, 1]]);
    assert_eq!(found(&[&[], &[2, 0], &[3], &[1]]), [[1, 2, 3]]);
    assert_eq!(found(&[&[1], &[0], &[3, 0], &[2]]), [[0, 1], [2, 3]]);
}

/// Against the definition, on all graphs of four tasks.
#[test]
fn every_cycle_found_is_one_and_none_is_missed() {
    for bits in 0u32..1 << 12 {
        let needs: Vec<Vec<u32>> = (0..4u32)
            .map(|from| {
                (0..4)
                    .filter(|to| *to != from)
                    .enumerate()
                    .filter(|(n, _)| bits >> (from * 3 + *n as u32) & 1 == 1)
                    .map(|(_, to)| to)
                    .collect()
            })
            .collect();
        let found = cycles(&needs);
        for cycle in &found {
            let next = cycle.iter().cycle().skip(1);
            assert!(cycle.iter().zip(next).all(|(from, to)| needs[*from as usize].contains(to)), "{needs:?} {cycle:?}");
        }
        let reaches = |from: u32, to: u32| {
            let mut seen = vec![from];
            let mut at = 0;
            while let Some(position) = seen.get(at).copied() {
                at += 1;
                for next in &needs[position as usize] {
                    if *next == to {
                        return true;
                    }
                    if !seen.contains(next) {
                        seen.push(*next);
                    }
                }
            }
            false
        };
        assert_eq!(found.is_empty(), !(0..4).any(|task| reaches(task, task)), "{needs:?}");
    }
}
