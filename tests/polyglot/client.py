"""A client in plain Python with pika: submits the job in argv[2] to the system with the prefix in argv[1], and prints
each answer as a line of JSON: its type, its body. Nothing here is Warrener's."""
import json
import os
import sys
import uuid

import pika

prefix, job = sys.argv[1:3]
connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))
channel = connection.channel()
channel.confirm_delivery()
answers = channel.queue_declare("", exclusive=True).method.queue
mark = str(uuid.uuid4())
properties = pika.BasicProperties(
    reply_to=answers, correlation_id=mark, delivery_mode=2, headers={"reply": "both"}, content_type="application/json"
)
channel.basic_publish(f"{prefix}.submit", "submit", job, properties)
for method, answer, body in channel.consume(answers, auto_ack=True, inactivity_timeout=60):
    if method is None:
        sys.exit("no answer within 60 s")
    assert answer.correlation_id == mark, answer
    print(json.dumps({"type": answer.type, "body": json.loads(body)}), flush=True)
    if answer.type in ("job.finished", "job.rejected"):
        break
connection.close()
