#!/usr/bin/env python
# RabbitMQ's tutorial 6, rpc_server.py, with the broker's address and the queue's name from outside.
import os

import pika

connection = pika.BlockingConnection(pika.URLParameters(os.environ['AMQP_URL']))

channel = connection.channel()

channel.queue_declare(queue=os.environ['RPC_QUEUE'])


def fib(n):
    if n == 0:
        return 0
    elif n == 1:
        return 1
    else:
        return fib(n - 1) + fib(n - 2)


def on_request(ch, method, props, body):
    n = int(body)

    print(f" [.] fib({n})")
    response = fib(n)

    ch.basic_publish(exchange='',
                     routing_key=props.reply_to,
                     properties=pika.BasicProperties(correlation_id=props.correlation_id),
                     body=str(response))
    ch.basic_ack(delivery_tag=method.delivery_tag)


channel.basic_qos(prefetch_count=1)
channel.basic_consume(queue=os.environ['RPC_QUEUE'], on_message_callback=on_request)

print(" [x] Awaiting RPC requests")
channel.start_consuming()
