"""taskiq on RabbitMQ (taskiq-aio-pika), results in Redis. See the README for why these settings."""

import asyncio

import uvloop
from measure import FAN, PAYLOAD, Bench, Finishing, become, expect, options
from taskiq.serializers import ORJSONSerializer
from taskiq_aio_pika import AioPikaBroker
from taskiq_aio_pika.exchange import Exchange
from taskiq_aio_pika.queue import Queue
from taskiq_pipelines import Pipeline, PipelineMiddleware
from taskiq_redis import RedisAsyncResultBackend

OPTIONS = options()
PROCESSES, CONCURRENCY = 2, 256
# Messages that wait for their confirm.
UNCONFIRMED = 256
# Seconds between looks for a result; there is nothing to wait on. The default is 0.2.
LOOK_EVERY = 0.2 if OPTIONS.plain else 0.001
# The same inside the worker, which looks after each of 100: oftener would keep it from working.
JOIN_EVERY = 0.02
DEAD = f"{OPTIONS.queue}.dead"

tuned_results = {} if OPTIONS.plain else {"serializer": ORJSONSerializer()}
results = RedisAsyncResultBackend(OPTIONS.redis, **tuned_results)
broker = (
    AioPikaBroker(
        OPTIONS.url,
        **({} if OPTIONS.plain else {"qos": CONCURRENCY}),
        exchange=Exchange(name=OPTIONS.queue),
        task_queues=[Queue(name=OPTIONS.queue)],
        dead_letter_queue=Queue(name=DEAD),
    )
    .with_result_backend(results)
    .with_middlewares(PipelineMiddleware())
)
if not OPTIONS.plain:
    broker = broker.with_serializer(ORJSONSerializer())
FINISHING = []


@broker.task(task_name="echo")
async def echo(value: str) -> str:
    return value


@broker.task(task_name="forget")
async def forget(value: str) -> None:
    if not FINISHING:
        FINISHING.append(Finishing(OPTIONS.done))
    FINISHING[0].one()


@broker.task(task_name="spread")
async def spread(value: str) -> list[str]:
    return [value] * FAN


@broker.task(task_name="last")
async def last(values: list[str]) -> str:
    return values[0]


def work():
    tuned = ["--workers", str(PROCESSES), "--max-async-tasks", str(CONCURRENCY)]
    become("taskiq", "worker", "taskiq_peer:broker", *([] if OPTIONS.plain else tuned), "--log-level", "WARNING")


async def measure():
    await broker.startup()
    bench = Bench(OPTIONS)
    await run_forgotten(bench, OPTIONS.warm)
    await run_answered(OPTIONS.warm)
    start = bench.begin("forget", OPTIONS.tasks)
    await run_forgotten(bench, OPTIONS.tasks)
    bench.end("forget", OPTIONS.tasks, start)
    start = bench.begin("single", OPTIONS.tasks)
    await run_answered(OPTIONS.tasks)
    bench.end("single", OPTIONS.tasks, start)
    await bench.async_times("roundtrip", OPTIONS.trips, lambda: echo.kiq(PAYLOAD), answered)
    chained = Pipeline(broker, echo).call_next(echo).call_next(echo)
    await bench.async_times("chain", OPTIONS.chains, lambda: chained.kiq(PAYLOAD), answered)
    fanned = Pipeline(broker, spread).map(echo, check_interval=JOIN_EVERY).call_next(last)
    await bench.async_times("fan", OPTIONS.fans, lambda: fanned.kiq(PAYLOAD), answered)
    await broker.shutdown()


async def submit(task, count):
    if OPTIONS.plain:
        return [await task.kiq(PAYLOAD) for _ in range(count)]
    room = asyncio.Semaphore(UNCONFIRMED)

    async def one():
        async with room:
            return await task.kiq(PAYLOAD)

    return await asyncio.gather(*(one() for _ in range(count)))


async def run_forgotten(bench, count):
    await submit(forget, count)
    await asyncio.to_thread(bench.finished, count)


async def run_answered(count):
    for task in await submit(echo, count):
        await answered(task)


async def answered(task):
    result = await task.wait_result(check_interval=LOOK_EVERY)
    expect(result.return_value)


async def strike():
    await broker.startup()
    for queue in (OPTIONS.queue, DEAD):
        await broker.write_channel.queue_delete(queue)
    await broker.write_channel.exchange_delete(OPTIONS.queue)
    await broker.shutdown()


if __name__ == "__main__":
    if OPTIONS.mode == "worker":
        work()
    else:
        uvloop.run({"client": measure, "strike": strike}[OPTIONS.mode]())
