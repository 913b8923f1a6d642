"""Asks for a prediction over plain AMQP and waits for the answer. Needs pika (`pip install pika`), nothing else."""
import json
import os
import pathlib
import sys
import uuid

import pika

job = json.loads(pathlib.Path(__file__).with_name("job.json").read_text())
if len(sys.argv) > 1:  # another penguin, as JSON
    job["input"]["penguin"] = json.loads(sys.argv[1])

url = os.environ.get("WARRENER_AMQP__URL", "amqp://guest:guest@127.0.0.1:5672/%2f")
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
answers = channel.queue_declare("", exclusive=True).method.queue
question = str(uuid.uuid4())
asked = pika.BasicProperties(content_type="application/json", reply_to=answers, correlation_id=question)
channel.confirm_delivery()
channel.basic_publish("warrener.submit", "submit", json.dumps(job), asked)

for _, answer, body in channel.consume(answers, auto_ack=True, inactivity_timeout=60):
    if body is None:
        sys.exit("no answer within a minute: are an orchestrator and a worker running?")
    if answer.correlation_id == question:
        print(json.dumps(json.loads(body), indent=2))
        sys.exit(0 if json.loads(body).get("state") == "succeeded" else 1)
