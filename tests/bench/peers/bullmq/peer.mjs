// BullMQ on Redis. See the README for why these settings.

import { openSync, readSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { FlowProducer, Queue, QueueEvents, Worker } from 'bullmq';

// 200 bytes as JSON.
const PAYLOAD = 'x'.repeat(198);
const FAN = 100;
// Jobs that one call adds.
const BULK = 500;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: 'string' },
    redis: { type: 'string' },
    queue: { type: 'string' },
    done: { type: 'string' },
    tasks: { type: 'string', default: '5000' },
    warm: { type: 'string', default: '500' },
    trips: { type: 'string', default: '200' },
    chains: { type: 'string', default: '100' },
    fans: { type: 'string', default: '20' },
    safe: { type: 'boolean', default: false },
    plain: { type: 'boolean', default: false },
  },
});
// Jobs that the worker has at once.
const CONCURRENCY = options.plain ? 1 : 100;
const connection = { url: options.redis, maxRetriesPerRequest: null };
// Kept by default; its documentation advises to remove them in production.
const REMOVED = { removeOnComplete: true };

function work() {
  const pipe = openSync(options.done, 'w');
  const flows = new FlowProducer({ connection });
  const handlers = {
    echo: async (job) => job.data.value,
    // The parent of a flow asks for what its children returned.
    join: async (job) => Object.values(await job.getChildrenValues())[0],
    forget: async () => void writeSync(pipe, '.'),
    // A job has one parent only, so whoever fans out adds the flow of the rest.
    spread: async (job) => {
      const child = { name: 'echo', queueName: options.queue, data: { value: job.data.value }, opts: REMOVED };
      const opts = { ...REMOVED, jobId: job.data.last };
      await flows.add({ name: 'join', queueName: options.queue, data: {}, opts, children: Array(FAN).fill(child) });
    },
  };
  const worker = new Worker(options.queue, (job) => handlers[job.name](job), { connection, concurrency: CONCURRENCY });
  worker.on('error', (error) => console.error(error));
  worker.on('failed', (job, error) => console.error(error));
}

class Client {
  constructor() {
    this.pipe = openSync(options.done, 'r+');
    this.queue = new Queue(options.queue, { connection });
    this.flows = new FlowProducer({ connection });
    this.events = new QueueEvents(options.queue, { connection });
    this.waiting = new Map();
    this.early = new Map();
    this.answers = process.stdin[Symbol.asyncIterator]();
    this.events.on('completed', ({ jobId, returnvalue }) => {
      const waiter = this.waiting.get(jobId);
      if (waiter) {
        this.waiting.delete(jobId);
        waiter(returnvalue);
      } else if (this.listening) {
        this.early.set(jobId, returnvalue);
      }
    });
  }

  // A job may be complete before the client knows its number.
  async answer(id) {
    const value = this.early.has(id) ? this.early.get(id) : await new Promise((done) => this.waiting.set(id, done));
    this.early.delete(id);
    if (value !== PAYLOAD) throw new Error(`another result than expected: ${value}`);
  }

  async add(name, count) {
    const jobs = [];
    for (let left = count; left > 0; left -= BULK) {
      const job = { name, data: { value: PAYLOAD }, opts: REMOVED };
      jobs.push(...(await this.queue.addBulk(Array(Math.min(left, BULK)).fill(job))));
    }
    return jobs;
  }

  // The same with a call for each job, as many of them at once.
  async addEach(name, count) {
    const jobs = [];
    for (let left = count; left > 0; left -= BULK) {
      const one = () => this.queue.add(name, { value: PAYLOAD }, REMOVED);
      jobs.push(...(await Promise.all(Array.from({ length: Math.min(left, BULK) }, one))));
    }
    return jobs;
  }

  async runForgotten(count, each = options.plain) {
    this.listening = false;
    await (each ? this.addEach('forget', count) : this.add('forget', count));
    const bytes = Buffer.alloc(65536);
    for (let left = count; left > 0; ) {
      left -= readSync(this.pipe, bytes, 0, Math.min(left, bytes.length));
      // Waking up for each would take time from the others.
      if (left > 1) await new Promise((done) => setTimeout(done, 1));
    }
  }

  async runAnswered(count) {
    this.listening = true;
    const jobs = await (options.plain ? this.addEach('echo', count) : this.add('echo', count));
    await Promise.all(jobs.map((job) => this.answer(job.id)));
  }

  async rate(row, count, run) {
    tell({ say: 'begin', row, count });
    await this.answers.next();
    const start = performance.now();
    await run(count);
    tell({ say: 'end', row, count, seconds: (performance.now() - start) / 1e3 });
    await this.answers.next();
  }

  async times(row, count, once) {
    this.listening = true;
    this.early.clear();
    const ms = [];
    for (let at = 0; at < count; at += 1) {
      const start = performance.now();
      await once();
      ms.push(performance.now() - start);
    }
    tell({ say: 'times', row, ms });
  }

  async roundtrip() {
    const job = await this.queue.add('echo', { value: PAYLOAD }, REMOVED);
    await this.answer(job.id);
  }

  async chain() {
    const link = { queueName: options.queue, opts: REMOVED };
    const first = { ...link, name: 'echo', data: { value: PAYLOAD } };
    const second = { ...link, name: 'join', data: {}, children: [first] };
    const { job } = await this.flows.add({ ...link, name: 'join', data: {}, children: [second] });
    await this.answer(job.id);
  }

  async fan(number) {
    const last = `last-${number}`;
    const answered = this.answer(last);
    await this.queue.add('spread', { value: PAYLOAD, last }, REMOVED);
    await answered;
  }

  async close() {
    await Promise.all([this.events.close(), this.flows.close(), this.queue.close()]);
  }
}

async function measure() {
  const client = new Client();
  await client.events.waitUntilReady();
  const [tasks, warm] = [Number(options.tasks), Number(options.warm)];
  await client.runForgotten(warm);
  await client.runAnswered(warm);
  await client.rate('forget', tasks, (count) => client.runForgotten(count));
  // With --plain that is how `forget` was done.
  if (!options.plain) await client.rate('forget_each', tasks, (count) => client.runForgotten(count, true));
  await client.rate('single', tasks, (count) => client.runAnswered(count));
  await client.times('roundtrip', Number(options.trips), () => client.roundtrip());
  await client.times('chain', Number(options.chains), () => client.chain());
  let number = 0;
  await client.times('fan', Number(options.fans), () => client.fan((number += 1)));
  await client.close();
  process.exit(0);
}

function tell(line) {
  console.log(JSON.stringify(line));
}

// The driver empties the database.
const modes = { worker: work, client: measure, strike: () => {} };
await modes[positionals[0]]();
