package main

import "context"

// beside is something that runs beside the engine, under the configuration that is
// in force.
type beside struct {
	halt func() // returns when it has ended; nil: nothing runs
}

// use runs something in the place of what ran before. Only stop ends it.
func (b *beside) use(ctx context.Context, run func(context.Context)) {
	b.stop()
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		run(ctx)
	}()
	b.halt = func() {
		cancel()
		<-ended
	}
}

// stop ends it, and returns when it has ended.
func (b *beside) stop() {
	if b.halt != nil {
		b.halt()
		b.halt = nil
	}
}
