"""A worker that breaks one rule: python3 broken_worker.py QUEUE RULE."""
import json
import os
import sys

import pika

QUEUE, RULE = sys.argv[1:]
PREFIX = os.environ["WARRENER_AMQP__PREFIX"]
channel = pika.BlockingConnection(pika.URLParameters(os.environ["WARRENER_AMQP__URL"])).channel()
channel.basic_qos(prefetch_count=4)
taken = set()
if RULE != "acks first":
    channel.confirm_delivery()


def report(ticket, kind, body):
    options = pika.BasicProperties(type=kind, correlation_id=ticket, delivery_mode=2)
    while True:
        try:
            return channel.basic_publish(f"{PREFIX}.results", "results", json.dumps(body), options)
        except pika.exceptions.NackError:  # refused: again
            channel.connection.sleep(0.2)


def on_task(_, method, task, body):
    headers, ticket = task.headers or {}, task.correlation_id
    count = headers.get("x-delivery-count", 0) if method.redelivered else 0
    if RULE in ("acks first", "acks before the confirm"):
        channel.basic_ack(method.delivery_tag)
    if RULE == "stumbles over headers" and "conformance" in headers:
        raise KeyError("conformance")
    if RULE == "forgets the second delivery" and ticket in taken:
        return
    taken.add(ticket)
    if not ticket:
        return channel.basic_reject(method.delivery_tag, requeue=False)
    if RULE == "forgets the ticket":
        ticket = task.message_id
    marked = "deliveries" in headers and RULE != "begins a marked suspect"
    if count >= (1 if marked else 2) and task.type == "text.reverse":
        report(ticket, "task.released", {"code": "suspect", "deliveries": count})
    elif task.type != "text.reverse":
        if RULE == "nacks unknown kinds":
            return channel.basic_nack(method.delivery_tag, requeue=True)
        report(ticket, "task.released", {"code": "unknown_kind"})
    else:
        if "deliveries" in headers:
            report(ticket, "task.progress", {})
        work(ticket, body)
    if RULE not in ("acks first", "acks before the confirm", "never acks"):
        channel.basic_ack(method.delivery_tag)


def work(ticket, body):
    try:
        report(ticket, "task.succeeded", json.loads(body)["text"][::-1])
    except Exception as problem:
        if RULE == "dies of its input":
            raise
        failure = {"code": "exception", "message": repr(problem)}
        report(ticket, "task.failed", {"error": repr(problem)} if RULE == "fails without a code" else failure)


channel.basic_consume(f"{PREFIX}.tasks.{QUEUE}", on_task)
channel.start_consuming()
