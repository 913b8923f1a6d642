"""A whole worker in plain Python with pika: python3 worker.py [QUEUE]. shared/PROTOCOL.md tells the rules."""
import json, os, sys, threading, time, uuid
import pika
QUEUE, ID = sys.argv[1] if len(sys.argv) > 1 else "python", f"python-{uuid.uuid4()}"
PREFIX = os.environ.get("WARRENER_AMQP__PREFIX", "warrener")
URL = os.environ.get("WARRENER_AMQP__URL", "amqp://guest:guest@127.0.0.1:5672/%2f")
HANDLERS = {"text.reverse": lambda task: task["text"][::-1], "math.sum": lambda task: sum(task["numbers"]),
            "python.sleep": lambda task: time.sleep(task["seconds"])}
held = {}  # ticket -> delivery tag of the attempt that is worked on

def publish(ticket, kind, body):
    options = pika.BasicProperties(type=kind, correlation_id=ticket, content_type="application/json", delivery_mode=2)
    try:
        channel.basic_publish(f"{PREFIX}.results", "results", json.dumps(body), options)  # waits for the confirm
    except pika.exceptions.NackError:  # the broker has no room: the result must not be lost
        connection.sleep(1)
        publish(ticket, kind, body)

def finish(ticket, kind, body):
    if tag := held.pop(ticket, None):  # not timed out meanwhile
        publish(ticket, kind, body)
        channel.basic_ack(tag)

def work(ticket, kind, body):
    try:
        end = ("task.succeeded", HANDLERS[kind](json.loads(body)))
    except Exception as problem:  # whatever a handler raises is the task's failure, not the worker's
        end = ("task.failed", {"code": "exception", "message": repr(problem)})
    connection.add_callback_threadsafe(lambda: finish(ticket, *end))

def on_task(_, method, task, body):
    headers, ticket, held[task.correlation_id] = task.headers or {}, task.correlation_id, method.delivery_tag
    deliveries = headers.get("x-delivery-count", 0) if method.redelivered else 0
    if not ticket:
        return channel.basic_reject(held.pop(ticket), requeue=False)
    if deliveries >= (1 if "deliveries" in headers else 2):  # it may have killed a worker
        return finish(ticket, "task.released", {"code": "suspect", "deliveries": deliveries})
    if task.type not in HANDLERS:
        return finish(ticket, "task.released", {"code": "unknown_kind"})
    if "deliveries" in headers:
        publish(ticket, "task.progress", {})
    threading.Thread(target=work, args=(ticket, task.type, body), daemon=True).start()  # heartbeats go on beside it
    late = ("task.failed", {"code": "timed_out", "message": "it took longer than timeout_ms"})
    connection.call_later(headers.get("timeout_ms", 1800000) / 1000, lambda: finish(ticket, *late))

def beat():
    sign = {"worker": ID, "version": "1", "queues": [QUEUE], "kinds": [*HANDLERS], "slots": 1, "tickets": [*held]}
    channel.basic_publish(f"{PREFIX}.workers", "", json.dumps(sign))
    connection.call_later(5, beat)

connection = pika.BlockingConnection(pika.URLParameters(URL))
channel = connection.channel()
channel.confirm_delivery()
channel.basic_qos(prefetch_count=1)
beat()  # the orchestrator declares the queue once a heartbeat has named it
while not connection.is_closed:
    try: connection.channel().queue_declare(f"{PREFIX}.tasks.{QUEUE}", passive=True); break
    except pika.exceptions.ChannelClosedByBroker: connection.sleep(0.2)
channel.basic_consume(f"{PREFIX}.tasks.{QUEUE}", on_task)
channel.start_consuming()
