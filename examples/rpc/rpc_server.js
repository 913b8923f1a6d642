#!/usr/bin/env node
// RabbitMQ's tutorial 6 (RPC) as anybody writes it: it knows nothing of Warrener, and works for it all the same.
const amqp = require('amqplib');

const fib = (n) => (n < 2 ? n : fib(n - 1) + fib(n - 2));

async function main() {
  const connection = await amqp.connect(process.env.AMQP_URL || 'amqp://guest:guest@127.0.0.1:5672/%2f');
  const channel = await connection.createChannel();
  await channel.assertQueue('rpc_queue', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  await channel.prefetch(1);
  await channel.consume('rpc_queue', (msg) => {
    const n = parseInt(msg.content.toString());
    console.log(' [.] fib(%d)', n);
    channel.sendToQueue(msg.properties.replyTo, Buffer.from(fib(n).toString()), {
      correlationId: msg.properties.correlationId,
    });
    channel.ack(msg);
  });
  console.log(' [x] Awaiting RPC requests');
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
