//! Planted faults, by which the simulation proves that its judges see them.
//!
//! They exist only with the feature `mutants`, which nothing turns on by default: without it [`is`] is `false` and
//! what asks for it is compiled away.

/// Makes the enum from the table, so that no fault is missing in either.
macro_rules! mutants {
    ($($mutant:ident = $name:literal, $fault:literal;)*) => {
        /// A planted fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Mutant {
            $(#[doc = concat!("Makes a fault: ", $fault, ".")] $mutant,)*
        }

        impl Mutant {
            /// All planted faults.
            pub const ALL: &[Self] = &[$(Self::$mutant),*];

            /// Name of the fault on the command line of the simulation.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$mutant => $name),* }
            }

            /// Description of the fault.
            pub const fn fault(self) -> &'static str {
                match self { $(Self::$mutant => $fault),* }
            }
        }
    };
}

mutants! {
    AnyToken = "any_token", "a report with the token of another attempt counts";
    AcksFirst = "acks_first", "a worker acknowledges before its report is confirmed";
    AcksUnwritten = "acks_unwritten", "inputs are acknowledged though the store could not be written";
    AllowIsOk = "allow_is_ok", "a failure that is not allowed counts as ok for those that need it";
    BeginsTwice = "begins_twice", "a ticket that is delivered again is begun again";
    BeginsCancelled = "begins_cancelled", "a ticket that was cancelled is begun all the same";
    NoCrashCount = "no_crash_count", "a task that kills its workers is never suspected";
    MoreAttempts = "more_attempts", "a task gets one attempt more than its policy allows";
    NoRecord = "no_record", "an attempt that was retried leaves no record";
    RewritesRecord = "rewrites_record", "a release takes the number of its attempt back";
    SilentSkip = "silent_skip", "a skipped task leaves no event";
    SparesRetrying = "spares_retrying", "a cancel forgets tasks that wait for their back-off";
    RunOnFailure = "run_on_failure", "a task with run_on failure runs whatever happened";
    UnlessFailedIsSuccess = "unless_failed_is_success", "unless_failed wants a need that is ok";
    AllowsAnyCode = "allows_any_code", "a failure is allowed whatever its code";
    NoCondition = "no_condition", "a condition that is false does not skip";
    FailsFastAll = "fails_fast_all", "fail_fast cancels what runs on failure too";
    NoFailure = "no_failure", "a failure that counts does not make the job failed";
    NeedsEarly = "needs_early", "a task goes out when one of its needs is final";
    TooParallel = "too_parallel", "max_parallel is not kept";
    IgnoresSlots = "ignores_slots", "max_parallel of a job is not kept";
    WakesNobody = "wakes_nobody", "what waits for max_parallel of its job is not woken";
    OneOverLimit = "one_over_limit", "a limit lets one attempt more be open than it says";
    LeaksShares = "leaks_shares", "an attempt that fails gives nothing back to its limits";
    WakesNoKey = "wakes_no_key", "what waits for a limit is not woken";
    TakesNoSlot = "takes_no_slot", "a job takes no slot of a limit that counts jobs";
    KeepsSlot = "keeps_slot", "a job that is over keeps its slot of a limit that counts jobs";
    LeavesBehind = "leaves_behind", "what waits behind another task of its job for a slot is not woken";
    SettlesNothing = "settles_nothing", "the cost that a report tells is ignored";
    FreeShare = "free_share", "an attempt costs its share of a fair queue nothing";
    FreeRate = "free_rate", "an attempt costs its rate nothing";
    IgnoresPausedKey = "ignores_paused_key", "a paused key lets attempts out";
    OneRoundMore = "one_round_more", "a repeated task gets one round more than max says";
    ForgetsPrevious = "forgets_previous", "a round does not see the output of the one before";
    FailuresAcrossRounds = "failures_across_rounds", "the retry policy of a round counts the failures of those before";
    KeepsTolerated = "keeps_tolerated", "a failure that is tolerated is a dead letter";
    ToleratesMore = "tolerates_more", "one more item may fail than max_failures says";
    WantsMore = "wants_more", "a mapped task waits for one item more than min_successes says";
    WipedKeeps = "wiped_keeps", "after a loss of the broker's data nothing is published again";
    RestartTrusts = "restart_trusts", "after a restart everything counts as published";
    ReplyOnce = "reply_once", "an answer that did not reach the broker is not sent again";
    NoSilence = "no_silence", "a worker that went silent is not noticed before its time limit";
    TooSoon = "too_soon", "a time limit is over at half of its time";
    EarlyPublish = "early_publish", "attempts are published before the commit that opens them";
    StaleLists = "stale_lists", "after a retry the old outputs of items are joined";
    LosesLane = "loses_lane", "messages of a queue that was made anew are not published again";
    ExpiresUnread = "expires_unread", "limits are judged though reports that came in time are still to be read";
    BlamesInputs = "blames_inputs", "inputs are set aside for an error of the store";
    TrustsWallClock = "trusts_wall_clock", "what finished is removed by a wall clock that was set";
    Overbooks = "overbooks", "a worker begins more attempts than it has slots";
}

#[cfg(feature = "mutants")]
std::thread_local! {
    static CHOSEN: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
}

/// Tells whether this fault is the one that was chosen on this thread.
#[cfg(feature = "mutants")]
pub fn is(mutant: Mutant) -> bool {
    CHOSEN.get() == Some(mutant)
}

/// Tells whether this fault is the one that was chosen: never, in a program that is meant to work.
// Not `const`, since its twin can't be: every build tells of a call from a constant function, not only one with faults.
#[cfg(not(feature = "mutants"))]
#[inline]
pub fn is(_mutant: Mutant) -> bool {
    false
}

/// Chooses a fault for this thread, or none.
#[cfg(feature = "mutants")]
pub fn choose(mutant: Option<Mutant>) {
    CHOSEN.set(mutant);
}
