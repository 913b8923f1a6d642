//! Packets that wait for a store that cannot be used, to be handled as they came once it can.
//!
//! Whoever handed deliveries back to the broker instead would be given them again with each new session, and the broker
//! counts that against a message until it gives up on it.

use std::collections::VecDeque;

use super::input::{Input, Packet};

/// See the module. Deliveries are bounded by what the broker hands out unacknowledged, notices by what goes on at the
/// broker meanwhile.
#[derive(Debug, Default)]
pub(super) struct Withheld(VecDeque<Packet>);

impl Withheld {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds packets, behind those that wait already. What is said again by itself is left out, and so is what somebody
    /// waits for: a dropped request is answered at once.
    pub(super) fn keep(&mut self, packets: impl IntoIterator<Item = Packet>) {
        for mut packet in packets {
            if packet.done.is_none() {
                packet.inputs.retain(|input| !is_said_again(input) && !is_awaited(input));
                if packet.inputs.iter().any(|input| matches!(input, Input::Disconnected)) {
                    // The next session brings again what this one delivered.
                    self.0.retain(|packet| packet.done.is_none());
                }
            }
            if !packet.inputs.is_empty() && !self.is_known(&packet) {
                self.0.push_back(packet);
            }
        }
    }

    /// Takes all that wait, in order, but for deliveries of which nobody waits for the commit any more.
    pub(super) fn take(&mut self) -> VecDeque<Packet> {
        let mut packets = std::mem::take(&mut self.0);
        packets.retain(|packet| packet.done.as_ref().is_none_or(|done| !done.is_closed()));
        packets
    }

    /// Tells whether the packet says only what is kept already, as that a worker serves a queue.
    fn is_known(&self, packet: &Packet) -> bool {
        let [Input::Queue(name)] = packet.inputs.as_slice() else { return false };
        let mut notices = self.0.iter().filter(|packet| packet.done.is_none()).flat_map(|packet| &packet.inputs);
        notices.any(|input| matches!(input, Input::Queue(known) if known == name))
    }
}

/// Tells whether an input speaks of a moment, and the next of its sort comes by itself.
const fn is_said_again(input: &Input) -> bool {
    matches!(input, Input::Heartbeat(_) | Input::Depth(_) | Input::ResultsRead { .. } | Input::LaneFound(..))
}

/// Tells whether somebody waits for the answer to an input.
const fn is_awaited(input: &Input) -> bool {
    match input {
        Input::Submit(submission) => submission.asker.answer.is_some(),
        Input::Command(_, asker) | Input::Event(_, asker) | Input::Schedule(_, asker) => asker.answer.is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    fn delivery() -> (Packet, oneshot::Receiver<()>) {
        let (done, committed) = oneshot::channel();
        (Packet { inputs: vec![Input::Published(vec![1])], done: Some(done) }, committed)
    }

    #[test]
    fn deliveries_go_with_their_session_and_notices_stay() {
        let mut withheld = Withheld::default();
        let ((first, _waits), (second, gone), (third, _waits_too)) = (delivery(), delivery(), delivery());
        let notice = |input: Input| Packet::from(input);
        withheld.keep([first, notice(Input::Replied(vec![7])), notice(Input::Disconnected)]);
        withheld.keep([second, third, notice(Input::Connected { wiped: false })]);
        withheld.keep((0..9).map(|_| notice(Input::Queue("gpu".parse().unwrap()))));
        withheld.keep([notice(Input::ResultsRead { upto: std::time::Duration::ZERO })]);
        drop(gone);
        let kept: Vec<_> = withheld.take().iter().map(|packet| format!("{:?}", packet.inputs)).collect();
        assert_eq!(
            kept,
            [
                "[Replied([7])]",
                "[Disconnected]",
                "[Published([1])]",
                "[Connected { wiped: false }]",
                "[Queue(QueueName(\"gpu\"))]"
            ]
        );
        assert!(withheld.is_empty());
    }
}
