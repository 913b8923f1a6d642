"""Celery on RabbitMQ, results in Redis. See the README for why these settings."""

from celery import Celery, chain, group
from celery.result import ResultSet
from measure import FAN, PAYLOAD, Bench, Finishing, become, expect, options

OPTIONS = options()
THREADS = 8
PREFETCH = 128

app = Celery("celery_peer", broker=OPTIONS.url, backend=OPTIONS.redis)
app.conf.update(task_default_queue=OPTIONS.queue, broker_connection_retry_on_startup=True)
if not OPTIONS.plain:
    app.conf.update(worker_prefetch_multiplier=PREFETCH, worker_enable_remote_control=False)
if OPTIONS.safe:
    app.conf.update(
        task_default_queue_type="quorum",
        task_default_exchange_type="topic",
        broker_transport_options={"confirm_publish": True},
    )
FINISHING = []


@app.task
def echo(value):
    return value


@app.task(ignore_result=True)
def forget(value):
    if not FINISHING:
        FINISHING.append(Finishing(OPTIONS.done))
    FINISHING[0].one()


@app.task
def last(values):
    return values[0]


def work():
    tuned = ["-P", "threads", "-c", str(THREADS), "--without-gossip", "--without-mingle", "--without-heartbeat"]
    become("celery", "-A", "celery_peer", "worker", *([] if OPTIONS.plain else tuned), "--loglevel=ERROR")


def measure():
    bench = Bench(OPTIONS)
    run_forgotten(bench, OPTIONS.warm)
    run_answered(OPTIONS.warm)
    bench.rate("forget", OPTIONS.tasks, lambda count: run_forgotten(bench, count))
    bench.rate("single", OPTIONS.tasks, run_answered)
    bench.times("roundtrip", OPTIONS.trips, lambda: expect(echo.delay(PAYLOAD).get()))
    # Built anew each time: a signature that was applied keeps the ids of its tasks, and so their old results.
    bench.times("chain", OPTIONS.chains, lambda: expect(chained().apply_async().get()))
    bench.times("fan", OPTIONS.fans, lambda: expect(fanned().apply_async().get()))


def chained():
    return chain(echo.s(PAYLOAD), echo.s(), echo.s())


def fanned():
    return chain(echo.s(PAYLOAD), group(echo.s() for _ in range(FAN)), last.s())


def submit(task, count):
    if OPTIONS.plain:
        return [task.delay(PAYLOAD) for _ in range(count)]
    with app.producer_or_acquire() as producer:
        return [task.apply_async((PAYLOAD,), producer=producer) for _ in range(count)]


def run_forgotten(bench, count):
    submit(forget, count)
    bench.finished(count)


def run_answered(count):
    results = submit(echo, count)
    for result in (each.get() for each in results) if OPTIONS.plain else ResultSet(results).join_native():
        expect(result)


def strike():
    with app.connection_for_write() as connection:
        channel = connection.default_channel
        channel.queue_delete(OPTIONS.queue)
        channel.exchange_delete(OPTIONS.queue)


if __name__ == "__main__":
    {"worker": work, "client": measure, "strike": strike}[OPTIONS.mode]()
