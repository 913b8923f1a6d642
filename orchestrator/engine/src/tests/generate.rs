//! Jobs that nobody would write.

use super::random::Random;

/// A sound job, as JSON, with everything that the format has.
pub(super) fn job(random: &mut Random) -> String {
    let count = 1 + random.below(7);
    let tasks: Vec<String> = (0..count).map(|at| format!(r#""t{at}":{}"#, task(random, at))).collect();
    let mut fields = vec![format!(r#""tasks":{{{}}}"#, tasks.join(","))];
    fields.push(format!(r#""fail_fast":{}"#, random.percent(50)));
    maybe(random, 20, &mut fields, || r#""deadline":"20s""#.to_owned());
    if random.percent(30) {
        fields.push(format!(r#""max_parallel":{}"#, 1 + random.below(3)));
    }
    maybe(random, 10, &mut fields, || r#""delay":"3s""#.to_owned());
    if random.percent(20) {
        let of = random.below(count);
        fields.push(format!(r#""output":["${{{{ tasks.t{of}.output }}}}","${{{{ tasks.t{of}.attempts }}}}"]"#));
    }
    format!("{{{}}}", fields.join(","))
}

fn maybe(random: &mut Random, percent: u64, fields: &mut Vec<String>, field: impl FnOnce() -> String) {
    if random.percent(percent) {
        fields.push(field());
    }
}

fn task(random: &mut Random, at: u64) -> String {
    let mut fields = vec![r#""kind":"k""#.to_owned()];
    let needs: Vec<String> = (0..at).filter(|_| random.percent(30)).map(|need| format!(r#""t{need}""#)).collect();
    fields.push(format!(r#""needs":[{}]"#, needs.join(",")));
    fields.push(format!(r#""run_on":"{}""#, random.pick(&["success", "success", "unless_failed", "failure", "done"])));
    if random.percent(25) {
        fields.push(format!(r#""allow_failure":{}"#, random.pick(&["true", r#"["timed_out","oom"]"#])));
    }
    maybe(random, 15, &mut fields, || r#""timeout":"7s""#.to_owned());
    maybe(random, 15, &mut fields, || r#""start_within":"5s""#.to_owned());
    fields.push(format!(r#""queue":"{}","priority":{}"#, random.pick(&["fast", "slow"]), random.below(10)));
    let retry = [r#"0"#, r#"1"#, r#"{"max_attempts":3,"delay":"1s"}"#, r#"{"max_attempts":3,"backoff":"none"}"#];
    fields.push(format!(r#""retry":{}"#, random.pick(&retry)));
    if random.percent(25) {
        fields.push(format!(r#""if":"{}""#, condition(random, at)));
    }
    if random.percent(30) {
        fields.push(format!(r#""for_each":{}"#, for_each(random, at)));
    }
    if random.percent(15) {
        let until = random.pick(&["output == 1", "round == 3", "output", "output | length > 0"]);
        let delay = random.pick(&["0", r#""2s""#]);
        fields.push(format!(r#""repeat":{{"until":"{until}","max":{},"delay":{delay}}}"#, 1 + random.below(4)));
    }
    if at > 0 && random.percent(30) {
        let of = random.below(at);
        let part = random.pick(&["output", "output.x", "status", "results", "error", "attempts"]);
        fields.push(format!(r#""input":{{"x":"${{{{ tasks.t{of}.{part} }}}}"}}"#));
    }
    format!("{{{}}}", fields.join(","))
}

fn condition(random: &mut Random, at: u64) -> String {
    if at == 0 || random.percent(40) {
        return (*random.pick(&["true", "false", "1 / 0 == 1"])).to_owned();
    }
    let state = random.pick(&["succeeded", "failed", "skipped"]);
    format!("tasks.t{}.status == '{state}'", random.below(at))
}

fn for_each(random: &mut Random, at: u64) -> String {
    let items = if at > 0 && random.percent(30) {
        format!(r#""${{{{ tasks.t{}.output }}}}""#, random.below(at))
    } else {
        let items: Vec<String> = (0..random.below(6)).map(|item| item.to_string()).collect();
        format!("[{}]", items.join(","))
    };
    let mut fields = vec![format!(r#""items":{items}"#)];
    if random.percent(50) {
        fields.push(format!(r#""max_parallel":{}"#, 1 + random.below(3)));
    }
    if random.percent(50) {
        fields.push(format!(r#""max_failures":{}"#, random.pick(&["1", "2", r#""40%""#])));
    }
    if items.starts_with('"') && random.percent(30) {
        fields.push(format!(r#""min_successes":{}"#, 1 + random.below(3)));
    }
    format!("{{{}}}", fields.join(","))
}
