import json
import os
import pika

url = os.environ.get("WARRENER_AMQP__URL", "amqp://guest:guest@127.0.0.1:5672/%2f")
with pika.BlockingConnection(pika.URLParameters(url)) as connection:
    channel = connection.channel()
    channel.confirm_delivery()
    job = {"kind": "demo.echo", "input": {"hello": "world"}}
    channel.basic_publish("warrener.submit", "submit", json.dumps(job))
