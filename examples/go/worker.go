// A whole worker in plain Go with amqp091-go: go run . [QUEUE]. shared/PROTOCOL.md tells the rules.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

type object map[string]any

var channel = must(must(amqp.Dial(os.Getenv("WARRENER_AMQP__URL"))).Channel())
var handlers = map[string]func(object) any{
	"math.double": func(task object) any { return 2 * task["number"].(float64) },
	"go.sleep":    func(task object) any { time.Sleep(time.Duration(task["seconds"].(float64) * 1e9)); return nil },
}

func onTask(task amqp.Delivery) {
	deliveries, _ := task.Headers["x-delivery-count"].(int64)
	limit, _ := task.Headers["timeout_ms"].(int64)
	_, watched := task.Headers["deliveries"]
	end := make(chan func(), 2) // the first one counts: done, or too late
	finish := func(kind string, body any) { end <- func() { publish(task, kind, body) } }
	if task.CorrelationId == "" {
		must(0, task.Reject(false))
		return
	} else if task.Redelivered && (deliveries >= 2 || watched && deliveries >= 1) { // it may have killed a worker
		finish("task.released", object{"code": "suspect", "deliveries": deliveries})
	} else if handler := handlers[task.Type]; handler == nil {
		finish("task.released", object{"code": "unknown_kind"})
	} else {
		publish(task, "task.progress", object{})
		late := object{"code": "timed_out", "message": "it took longer than timeout_ms"}
		time.AfterFunc(time.Duration(limit)*time.Millisecond, func() { finish("task.failed", late) })
		go func() {
			defer func() { // whatever a handler does is the task's failure, not the worker's
				if problem := recover(); problem != nil {
					finish("task.failed", object{"code": "panicked", "message": fmt.Sprint(problem)})
				}
			}()
			var input object
			must(0, json.Unmarshal(task.Body, &input))
			finish("task.succeeded", handler(input))
		}()
	}
	(<-end)()
	must(0, task.Ack(false)) // only after the confirm
}

func publish(task amqp.Delivery, kind string, body any) {
	message := amqp.Publishing{Type: kind, CorrelationId: task.CorrelationId, DeliveryMode: amqp.Persistent}
	message.Body = must(json.Marshal(body))
	for sent := false; !sent; { // the broker may have no room, and the result must not be lost
		key, now := "results", context.Background()
		sent = must(channel.PublishWithDeferredConfirmWithContext(now, "warrener.results", key, false, false, message)).Wait()
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err) // what this process held goes to others, and whoever watches over it starts it again
	}
	return value
}

func main() {
	must(0, channel.Confirm(false))
	must(0, channel.Qos(1, 0, false)) // one at a time: a task that may crash its worker must be alone
	for task := range must(channel.Consume("warrener.tasks."+append(os.Args, "go")[1], "", false, false, false, false, nil)) {
		go onTask(task)
	}
}
