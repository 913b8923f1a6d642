// A whole worker in plain Node with amqplib: node worker.js [QUEUE]. shared/PROTOCOL.md tells the rules.
const amqp = require('amqplib')
const URL = process.env.WARRENER_AMQP__URL || 'amqp://guest:guest@127.0.0.1:5672/%2f'
const PREFIX = process.env.WARRENER_AMQP__PREFIX || 'warrener'
const [QUEUE, ID] = [process.argv[2] || 'node', `node-${require('crypto').randomUUID()}`]
const TASKS = `${PREFIX}.tasks.${QUEUE}`
const sleep = (ms) => new Promise((done) => setTimeout(done, ms))
const HANDLERS = {
  'text.upper': ({ text }) => text.toUpperCase(),
  'node.sleep': ({ seconds }) => sleep(seconds * 1000),
}
const held = new Map() // ticket -> its deliveries; whoever settles them has the last word on the attempt
let [consumer, alone, draining] = ['', '', false] // alone: the ticket that may have crashed others

async function main() {
  const connection = await amqp.connect(URL)
  const channel = await connection.createConfirmChannel()
  async function publish(ticket, type, body) {
    const options = { type, correlationId: ticket, contentType: 'application/json', persistent: true }
    const json = Buffer.from(JSON.stringify(body))
    const send = (done) => channel.publish(`${PREFIX}.results`, 'results', json, options, (error) => done(!error))
    while (!(await new Promise(send))) await sleep(1000) // the broker had no room: the result must not be lost
  }
  const listen = async () => (consumer = (await channel.consume(TASKS, onTask)).consumerTag)
  async function settle(ticket) {
    for (const task of held.get(ticket) || []) channel.ack(task)
    held.delete(ticket)
    if (draining && !held.size) return connection.close()
    if (ticket !== alone) return
    alone = ''
    if (!draining) await listen()
  }
  async function drain() {
    draining = true
    await channel.cancel(consumer)
    await settle('')
  }
  async function finish(ticket, type, body) {
    if (!held.has(ticket)) return // cancelled or timed out meanwhile
    await publish(ticket, type, body) // result first, confirmed by the broker; only then the acknowledgement
    await settle(ticket)
  }
  async function onTask(task) {
    const { headers, correlationId: ticket, type } = task.properties
    const deliveries = task.fields.redelivered ? headers['x-delivery-count'] || 0 : 0
    if (!ticket) return channel.reject(task, false)
    if (held.has(ticket)) return held.get(ticket).push(task) // delivered twice: one attempt answers for both
    held.set(ticket, [task])
    const suspect = deliveries >= ('deliveries' in headers ? 1 : 2) // it may have killed a worker
    if (suspect) return finish(ticket, 'task.released', { code: 'suspect', deliveries })
    if (!Object.hasOwn(HANDLERS, type)) return finish(ticket, 'task.released', { code: 'unknown_kind' })
    if (alone || draining) return finish(ticket, 'task.released', {})
    if ('deliveries' in headers) {
      alone = ticket
      await channel.cancel(consumer)
      while (held.size > 1) await sleep(50) // whoever runs beside it would be accused too
      if (!held.has(ticket)) return
      await publish(ticket, 'task.progress', {})
    }
    const late = { code: 'timed_out', message: 'it took longer than timeout_ms' }
    setTimeout(() => finish(ticket, 'task.failed', late), headers.timeout_ms || 1800000).unref()
    const failed = (problem) => finish(ticket, 'task.failed', { code: 'exception', message: String(problem) })
    const work = async () => HANDLERS[type](JSON.parse(task.content))
    await work().then((output) => finish(ticket, 'task.succeeded', output ?? null), failed)
  }
  function beat() {
    const [kinds, tickets] = [Object.keys(HANDLERS), [...held.keys()]]
    const sign = { worker: ID, version: '1', queues: [QUEUE], kinds, slots: 4, tickets, draining }
    channel.publish(`${PREFIX}.workers`, '', Buffer.from(JSON.stringify(sign)))
  }
  const { queue: control } = await channel.assertQueue(`${PREFIX}.control.${ID}`, { exclusive: true, autoDelete: true })
  for (const key of ['all', `worker.${ID}`]) await channel.bindQueue(control, `${PREFIX}.control`, key)
  const told = ({ cancel, drain: stop }) => (stop ? drain() : (cancel || []).forEach((ticket) => settle(ticket)))
  await channel.consume(control, ({ content }) => told(JSON.parse(content)), { noAck: true })
  await channel.prefetch(4)
  beat() // the orchestrator declares the queue once a heartbeat has named it
  setInterval(beat, 5000).unref()
  const look = async () => (await connection.createChannel()).on('error', () => {}).checkQueue(TASKS)
  while (!(await look().catch(() => false))) await sleep(200)
  await listen()
}
main() // whatever goes wrong ends it: what it held goes to others, and whoever watches over it starts it again
