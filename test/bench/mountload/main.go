// Command mountload calls Mount on a provider's unix socket as the Secrets Store CSI driver does
// (one connection, authority localhost, wait for ready) and prints one line of JSON about it.
//
//	mountload -socket S -attributes FILE [-concurrency N] [-seconds T] [-warmup T] [-timeout T] [-retry]
//
// FILE holds a JSON object with the attributes of one pod, or an array of them, taken in turn.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// The retry policy of the driver's provider client (v1.6.0).
const retryPolicy = `{"methodConfig": [{
	"name": [{"service": "v1alpha1.CSIDriverProvider"}],
	"retryPolicy": {"maxAttempts": 3, "initialBackoff": "1s", "maxBackoff": "10s", "backoffMultiplier": 1.1, "retryableStatusCodes": ["UNAVAILABLE"]}
}]}`

// How many different failures are told apart.
const differentFailures = 8

// attempts counts what goes over the wire, which retries make more than there are calls.
type attempts struct{ begun, failed atomic.Int64 }

func (a *attempts) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (a *attempts) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (a *attempts) HandleConn(context.Context, stats.ConnStats)                       {}
func (a *attempts) HandleRPC(_ context.Context, event stats.RPCStats) {
	switch event := event.(type) {
	case *stats.Begin:
		a.begun.Add(1)
	case *stats.End:
		if event.Error != nil {
			a.failed.Add(1)
		}
	}
}

// load is what the callers share.
type load struct {
	connection *grpc.ClientConn
	requests   [][]byte
	timeout    time.Duration
	begin, end time.Time // of the measured time

	next  atomic.Int64     // the request to send next
	turns <-chan time.Time // one for each call at a steady rate; nil for as many as there can be

	mutex    sync.Mutex
	millis   []float64 // of the calls that succeeded
	failures map[string]int
	failed   int
	files    int
	bytes    int
}

// call runs one caller until the time is over.
func (l *load) call() {
	for time.Now().Before(l.end) {
		if l.turns != nil {
			<-l.turns
		}
		request := l.requests[int(l.next.Add(1)-1)%len(l.requests)]
		start := time.Now()
		answer, err := l.mount(request)
		took := time.Since(start)
		if start.Before(l.begin) {
			continue
		}
		l.record(took, answer, err)
	}
}

func (l *load) mount(request []byte) (answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), l.timeout)
	defer cancel()
	var response []byte
	if err := l.connection.Invoke(ctx, "/v1alpha1.CSIDriverProvider/Mount", &request, &response); err != nil {
		reason := status.Convert(err)
		return answer{}, fmt.Errorf("%s: %s", reason.Code(), reason.Message())
	}
	parsed, err := parseAnswer(response)
	if err == nil && parsed.errorCode != "" {
		err = errors.New("error code in the answer: " + parsed.errorCode)
	}
	if err == nil && parsed.files == 0 {
		err = errors.New("an answer without files")
	}
	return parsed, err
}

func (l *load) record(took time.Duration, answer answer, err error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if err == nil {
		l.millis = append(l.millis, float64(took.Microseconds())/1000)
		l.files += answer.files
		l.bytes += answer.bytes
		return
	}
	l.failed++
	text := err.Error()
	if _, seen := l.failures[text]; !seen && len(l.failures) >= differentFailures {
		text = "(others)"
	}
	l.failures[text]++
}

// percentile of sorted values, by nearest rank; 0 when there are none.
func percentile(sorted []float64, part float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(part*float64(len(sorted)) + 0.5)
	return sorted[min(max(rank, 1), len(sorted))-1]
}

func readRequests(file string) ([][]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var pods []map[string]string
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		data = slices.Concat([]byte("["), data, []byte("]"))
	}
	if err := json.Unmarshal(data, &pods); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(pods) == 0 {
		return nil, fmt.Errorf("%s names no pod", file)
	}
	requests := make([][]byte, len(pods))
	for i, attributes := range pods {
		text, err := json.Marshal(attributes)
		if err != nil {
			return nil, err
		}
		requests[i] = mountRequest(text)
	}
	return requests, nil
}

func run() error {
	socket := flag.String("socket", "", "the provider's unix socket")
	attributes := flag.String("attributes", "", "JSON file with the attributes of one pod, or an array of them")
	concurrency := flag.Int("concurrency", 1, "calls under way at once")
	seconds := flag.Float64("seconds", 10, "measured time")
	warmup := flag.Float64("warmup", 0, "unmeasured time before it")
	timeout := flag.Duration("timeout", 30*time.Second, "deadline of one call")
	rate := flag.Float64("rate", 0, "calls a second, by all callers together; 0 for as many as there can be")
	retry := flag.Bool("retry", false, "retry as the driver does")
	flag.Parse()

	requests, err := readRequests(*attributes)
	if err != nil {
		return err
	}
	var wire attempts
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority("localhost"), grpc.WithStatsHandler(&wire),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(rawCodec{}), grpc.WaitForReady(true)),
	}
	if *retry {
		options = append(options, grpc.WithDefaultServiceConfig(retryPolicy))
	}
	connection, err := grpc.NewClient("unix:"+*socket, options...)
	if err != nil {
		return err
	}
	defer connection.Close()

	l := &load{connection: connection, requests: requests, timeout: *timeout, failures: map[string]int{}}
	l.begin = time.Now().Add(time.Duration(*warmup * float64(time.Second)))
	l.end = l.begin.Add(time.Duration(*seconds * float64(time.Second)))
	if *rate > 0 {
		ticker := time.NewTicker(time.Duration(float64(time.Second) / *rate))
		defer ticker.Stop()
		l.turns = ticker.C
	}
	var callers sync.WaitGroup
	for range *concurrency {
		callers.Go(l.call)
	}
	callers.Wait()
	return report(l, &wire)
}

func report(l *load, wire *attempts) error {
	span := time.Since(l.begin).Seconds()
	slices.Sort(l.millis)
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"seconds":        span,
		"calls":          len(l.millis) + l.failed,
		"failed":         l.failed,
		"failures":       l.failures,
		"attempts":       wire.begun.Load(),
		"failedAttempts": wire.failed.Load(),
		"perSecond":      float64(len(l.millis)) / span,
		"p50":            percentile(l.millis, .5),
		"p99":            percentile(l.millis, .99),
		"maximum":        percentile(l.millis, 1),
		"files":          l.files,
		"bytes":          l.bytes,
	})
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "mountload:", err)
		os.Exit(2)
	}
}
