//! Schedules that do not do what somebody counts on.

use warrener_client::HttpClient;
use warrener_client::http::JobQuery;
use warrener_client::http::schedule::ScheduleDetails;

use crate::findings::Findings;

/// Jobs in a row without success that are worth a warning: fewer pass by themselves.
const FAILURES: u64 = 3;
/// Most schedules whose latest tick is looked at, each with a request of its own.
const LOOKED_AT: usize = 200;

/// Looks at the schedules of the orchestrator, if it has any.
pub(super) async fn examine(http: &HttpClient, findings: &mut Findings) {
    let page = JobQuery { limit: Some(1000), ..JobQuery::default() };
    let Ok(answer) = http.schedules(&page).await else { return };
    let schedules = answer.value.items;
    if schedules.is_empty() {
        return;
    }
    let before = findings.len();
    for schedule in &schedules {
        judge(schedule, findings);
    }
    for schedule in schedules.iter().filter(|schedule| !schedule.paused).take(LOOKED_AT) {
        refused(http, &schedule.name, findings).await;
    }
    findings.ok_unless_found(SCHEDULES, before, format!("{} start their jobs", schedules.len()));
}

fn judge(schedule: &ScheduleDetails, findings: &mut Findings) {
    let name = &schedule.name;
    if let Some(why) = &schedule.fault {
        let fix = format!("raise the limit again, write it anew with `warrener schedule apply`, or delete {name}");
        findings.warning(SCHEDULES, format!("{name} starts nothing: {why}"), fix);
    } else if let Some(why) = &schedule.paused_by {
        let fix = format!("see `warrener schedule ticks {name}`; then `warrener schedule resume {name}`");
        findings.warning(SCHEDULES, format!("{name} has paused itself: {why}"), fix);
    } else if schedule.failures_in_a_row >= FAILURES {
        let what = format!("{name} keeps failing: {} jobs in a row did not succeed", schedule.failures_in_a_row);
        findings.warning(SCHEDULES, what, format!("see `warrener job list -f label.schedule:{name}`"));
    }
}

/// Says that the latest tick of a schedule was refused: its job is none that would be accepted.
async fn refused(http: &HttpClient, name: &str, findings: &mut Findings) {
    let page = JobQuery { limit: Some(1), ..JobQuery::default() };
    let Ok(answer) = http.schedule_ticks(name, &page).await else { return };
    let Some(tick) = answer.value.items.first().filter(|tick| tick.outcome == "refused") else { return };
    let why = tick.reason.as_deref().unwrap_or("its job is not accepted");
    let what = format!("the tick {} of {name} was refused: {why}", tick.tick);
    findings.warning(SCHEDULES, what, format!("mend its job, then `warrener schedule run {name}` tries it"));
}

const SCHEDULES: &str = "schedules";
