// A client in plain Node with amqplib: submits the job in argv[3] to the system with the prefix in argv[2], and prints
// each answer as a line of JSON: its type, its body. Nothing here is Warrener's.
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';

const amqp = createRequire(import.meta.url)('amqplib');
const [prefix, job] = process.argv.slice(2);
const connection = await amqp.connect(process.env.AMQP_URL);
const channel = await connection.createConfirmChannel();
const { queue } = await channel.assertQueue('', { exclusive: true });
const mark = randomUUID();
const late = setTimeout(() => {
  console.error('no answer within 60 s');
  process.exit(1);
}, 60_000);

await channel.consume(
  queue,
  async ({ properties, content }) => {
    if (properties.correlationId !== mark) throw new Error(`an answer to ${properties.correlationId}`);
    console.log(JSON.stringify({ type: properties.type, body: JSON.parse(content.toString()) }));
    if (properties.type === 'job.finished' || properties.type === 'job.rejected') {
      clearTimeout(late);
      await connection.close();
    }
  },
  { noAck: true },
);
channel.publish(`${prefix}.submit`, 'submit', Buffer.from(job), {
  replyTo: queue, correlationId: mark, persistent: true, headers: { reply: 'both' }, contentType: 'application/json',
});
await channel.waitForConfirms();
