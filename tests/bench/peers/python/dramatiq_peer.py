"""Dramatiq on RabbitMQ, results and barriers in Redis. See the README for why these settings."""

import os

from measure import FAN, PAYLOAD, Bench, Finishing, become, expect, options

OPTIONS = options()
PROCESSES, THREADS = 1, 8
if not OPTIONS.plain:
    # Read when its worker is imported.
    os.environ.setdefault("dramatiq_queue_prefetch", "128")

import dramatiq  # noqa: E402
from dramatiq.brokers.rabbitmq import RabbitmqBroker  # noqa: E402
from dramatiq.middleware.group_callbacks import GroupCallbacks  # noqa: E402
from dramatiq.rate_limits.backends import RedisBackend as Barriers  # noqa: E402
from dramatiq.results import Results  # noqa: E402
from dramatiq.results.backends import RedisBackend  # noqa: E402

# Milliseconds to wait for a result.
PATIENCE = 120_000

results = RedisBackend(url=OPTIONS.redis)
broker = RabbitmqBroker(url=OPTIONS.url, confirm_delivery=OPTIONS.safe)
broker.add_middleware(Results(backend=results))
broker.add_middleware(GroupCallbacks(Barriers(url=OPTIONS.redis)))
dramatiq.set_broker(broker)
FINISHING = []


@dramatiq.actor(queue_name=OPTIONS.queue, store_results=True)
def echo(value):
    return value


@dramatiq.actor(queue_name=OPTIONS.queue)
def forget(value):
    if not FINISHING:
        FINISHING.append(Finishing(OPTIONS.done))
    FINISHING[0].one()


@dramatiq.actor(queue_name=OPTIONS.queue)
def spread(value, end):
    """Starts a group: there is none inside a pipeline."""
    children = dramatiq.group([echo.message(value) for _ in range(FAN)])
    children.add_completion_callback(dramatiq.Message(**end))
    children.run()


def work():
    become("dramatiq", "dramatiq_peer", *([] if OPTIONS.plain else ["-p", str(PROCESSES), "-t", str(THREADS)]))


def measure():
    bench = Bench(OPTIONS)
    run_forgotten(bench, OPTIONS.warm)
    run_answered(OPTIONS.warm)
    bench.rate("forget", OPTIONS.tasks, lambda count: run_forgotten(bench, count))
    bench.rate("single", OPTIONS.tasks, run_answered)
    bench.times("roundtrip", OPTIONS.trips, lambda: expect(answer(echo.send(PAYLOAD))))
    bench.times("chain", OPTIONS.chains, lambda: expect(chained().run().get_result(block=True)))
    bench.times("fan", OPTIONS.fans, fan)


def run_forgotten(bench, count):
    for _ in range(count):
        forget.send(PAYLOAD)
    bench.finished(count)


def run_answered(count):
    for message in [echo.send(PAYLOAD) for _ in range(count)]:
        expect(answer(message))


def chained():
    return dramatiq.pipeline([echo.message(PAYLOAD), echo.message(), echo.message()])


def fan():
    end = echo.message(PAYLOAD)
    spread.send(PAYLOAD, end.asdict())
    expect(answer(end))


def answer(message):
    return message.get_result(backend=results, block=True, timeout=PATIENCE)


def strike():
    for ending in ("", ".DQ", ".XQ"):
        broker.channel.queue_delete(OPTIONS.queue + ending)


if __name__ == "__main__":
    {"worker": work, "client": measure, "strike": strike}[OPTIONS.mode]()
