#!/usr/bin/env python3
# RabbitMQ's tutorial 6 (RPC) as anybody writes it: it knows nothing of Warrener, and works for it all the same.
import os

import pika

connection = pika.BlockingConnection(
    pika.URLParameters(os.environ.get('AMQP_URL', 'amqp://guest:guest@127.0.0.1:5672/%2f')))
channel = connection.channel()
channel.queue_declare(queue='rpc_queue', durable=True, arguments={'x-queue-type': 'quorum'})


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def on_request(ch, method, props, body):
    n = int(body)
    print(f' [.] fib({n})', flush=True)
    ch.basic_publish(exchange='',
                     routing_key=props.reply_to,
                     properties=pika.BasicProperties(correlation_id=props.correlation_id),
                     body=str(fib(n)))
    ch.basic_ack(delivery_tag=method.delivery_tag)


channel.basic_qos(prefetch_count=1)
channel.basic_consume(queue='rpc_queue', on_message_callback=on_request)
print(' [x] Awaiting RPC requests', flush=True)
channel.start_consuming()
