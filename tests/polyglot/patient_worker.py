"""A worker with slots that claims what takes long, and breaks one rule: patient_worker.py QUEUE RULE ("none")."""
import json
import os
import signal
import sys

import pika

QUEUE, RULE = sys.argv[1:]
PREFIX = os.environ["WARRENER_AMQP__PREFIX"]
ID = f"patient-{os.getpid()}"
KINDS = ("text.reverse", "sleep")
held = {}  # ticket -> what is known of its attempt
connection = pika.BlockingConnection(pika.URLParameters(os.environ["WARRENER_AMQP__URL"]))
channel = connection.channel()
channel.confirm_delivery()
channel.basic_qos(prefetch_count=4)


def publish(ticket, kind, body):
    options = pika.BasicProperties(type=kind, correlation_id=ticket, delivery_mode=2)
    channel.basic_publish(f"{PREFIX}.results", "results", json.dumps(body), options)


def ack(attempt):
    while attempt["tags"]:
        channel.basic_ack(attempt["tags"].pop())


def finish(ticket, kind, body):
    if ticket not in held:
        return
    try:
        publish(ticket, kind, body)
    except pika.exceptions.NackError:
        return connection.call_later(0.2, lambda: finish(ticket, kind, body))
    ack(held.pop(ticket))


def claim(ticket):
    attempt = held.get(ticket)
    if not attempt or attempt["claimed"]:
        return
    if RULE == "acks before its claim":
        ack(attempt)
    try:
        publish(ticket, "task.claimed", {"lease_ms": 10000})
    except pika.exceptions.NackError:
        return connection.call_later(0.2, lambda: claim(ticket))
    attempt["claimed"] = True
    if RULE != "claims without acking":
        ack(attempt)


def is_alone():
    return any(attempt["alone"] for attempt in held.values()) and RULE != "works beside a suspect"


def on_task(_, method, task, body):
    headers, ticket, tag = task.headers or {}, task.correlation_id, method.delivery_tag
    if not ticket:
        return channel.basic_reject(tag, requeue=False)
    if ticket in held:
        held[ticket]["tags"].append(tag)
        return ack(held[ticket]) if held[ticket]["claimed"] else None
    count = headers.get("x-delivery-count", 0) if method.redelivered else 0
    answer = None
    if count >= (1 if "deliveries" in headers else 2):
        answer = {"code": "suspect", "deliveries": count}
    elif task.type not in KINDS:
        answer = {"code": "unknown_kind"}
    elif is_alone() and "deliveries" not in headers:
        answer = {}
    held[ticket] = {"tags": [tag], "claimed": False, "alone": answer is None and "deliveries" in headers}
    if answer is not None:
        return finish(ticket, "task.released", answer)
    if "deliveries" in headers:
        publish(ticket, "task.progress", {})
    late = {"code": "timed_out", "message": "it took too long"}
    connection.call_later(headers["timeout_ms"] / 1000, lambda: finish(ticket, "task.failed", late))
    work(ticket, task.type, body)


def work(ticket, kind, body):
    try:
        task = json.loads(body)
        if kind == "sleep":
            connection.call_later(0.5, lambda: claim(ticket))
            connection.call_later(task["seconds"], lambda: finish(ticket, "task.succeeded", None))
        else:
            finish(ticket, "task.succeeded", task["text"][::-1])
    except Exception as problem:
        finish(ticket, "task.failed", {"code": "exception", "message": repr(problem)})


def on_control(_, method, options, body):
    message = json.loads(body)
    if message.get("drain") and RULE != "ignores the drain":
        channel.basic_cancel("tasks")
    for ticket in message.get("cancel", []):
        if RULE == "is ended by a cancel":
            sys.exit(7)
        if attempt := held.pop(ticket, None):
            ack(attempt)


def beat():
    tickets = [] if RULE == "lets its lease run out" and any(a["claimed"] for a in held.values()) else [*held]
    sign = {"worker": ID, "version": "1", "queues": [QUEUE], "kinds": KINDS, "slots": 4, "tickets": tickets}
    channel.basic_publish(f"{PREFIX}.workers", "", json.dumps(sign))
    connection.call_later(1, beat)


def hand_back():
    if RULE != "drops what it claimed":
        for ticket in [*held]:
            finish(ticket, "task.released", {})
    connection.close()
    sys.exit(0)


signal.signal(signal.SIGTERM, lambda *_: connection.add_callback_threadsafe(hand_back))
own = f"{PREFIX}.control.{ID}"
channel.queue_declare(own, exclusive=True, auto_delete=True)
for key in ("all", f"worker.{ID}"):
    channel.queue_bind(own, f"{PREFIX}.control", key)
channel.basic_consume(own, on_control, auto_ack=True)
channel.basic_consume(f"{PREFIX}.tasks.{QUEUE}", on_task, consumer_tag="tasks")
beat()
channel.start_consuming()
