"""A whole worker in plain Python with pika: python3 worker.py [QUEUE]. shared/PROTOCOL.md tells the rules."""
import json
import os
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor

import pika

QUEUE = sys.argv[1] if len(sys.argv) > 1 else "python"
URL = os.environ.get("WARRENER_AMQP__URL", "amqp://guest:guest@127.0.0.1:5672/%2f")
WORKER = f"python-{uuid.uuid4()}"
HANDLERS = {"text.reverse": lambda task: task["text"][::-1], "math.sum": lambda task: sum(task["numbers"])}


def work(kind, body):
    """Runs beside the connection, so that heartbeats go on. Returns the type and the body of the result."""
    if kind not in HANDLERS:
        return "task.released", {"code": "unknown_kind"}
    try:
        return "task.succeeded", HANDLERS[kind](json.loads(body))
    except Exception as problem:  # whatever a handler raises is the task's failure, not the worker's
        return "task.failed", {"code": "exception", "message": repr(problem), "retry": True}


def report(tag, ticket, kind, body):
    """Result first, confirmed by the broker; only then the task is acknowledged."""
    answer = pika.BasicProperties(content_type="application/json", type=kind, correlation_id=ticket, delivery_mode=2)
    channel.basic_publish("warrener.results", "results", json.dumps(body), answer)
    channel.basic_ack(tag)
    held.discard(ticket)


def on_task(_, method, task, body):
    held.add(task.correlation_id)
    running = threads.submit(work, task.type, body)
    finish = lambda: report(method.delivery_tag, task.correlation_id, *running.result())
    running.add_done_callback(lambda _: connection.add_callback_threadsafe(finish))


def beat():
    sign = {"worker": WORKER, "version": "1", "queues": [QUEUE], "kinds": [*HANDLERS], "slots": 1, "tickets": [*held]}
    channel.basic_publish("warrener.workers", "", json.dumps(sign))
    connection.call_later(5, beat)


held, threads = set(), ThreadPoolExecutor(1)
connection = pika.BlockingConnection(pika.URLParameters(URL))
channel = connection.channel()
channel.confirm_delivery()
channel.basic_qos(prefetch_count=1)
beat()  # the orchestrator declares the queue once a heartbeat has named it
while True:
    try:
        connection.channel().queue_declare(f"warrener.tasks.{QUEUE}", passive=True)
        break
    except pika.exceptions.ChannelClosedByBroker:
        connection.sleep(0.2)
channel.basic_consume(f"warrener.tasks.{QUEUE}", on_task)
channel.start_consuming()
