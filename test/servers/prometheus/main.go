// Judges alert rules and queries with Prometheus' own code: what its server would load, and when alerts would fire.
// Reads one question as JSON on standard input and answers it as JSON on standard output.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"
)

// question is what a test wants to know.
type question struct {
	// Rules is the path of a rule file.
	Rules   string     `json:"rules"`
	Queries []string   `json:"queries"`
	Cases   []ruleCase `json:"cases"`
}

// ruleCase feeds one alert with made-up series, one sample a minute, in the notation of Prometheus' own rule tests.
type ruleCase struct {
	Alert   string            `json:"alert"`
	Series  map[string]string `json:"series"`
	Minutes int               `json:"minutes"`
}

type answer struct {
	Errors  []string      `json:"errors"`
	Alerts  []alert       `json:"alerts"`
	Queries []queryAnswer `json:"queries"`
	Cases   []caseAnswer  `json:"cases"`
}

type alert struct {
	Name        string            `json:"name"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Metrics     []string          `json:"metrics"`
}

type queryAnswer struct {
	Error   string   `json:"error"`
	Metrics []string `json:"metrics"`
}

type caseAnswer struct {
	Error string `json:"error"`
	// Firing holds the labels of each alert that fires at the end.
	Firing []map[string]string `json:"firing"`
}

func main() {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(judge(asked)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func judge(asked question) answer {
	result := answer{Errors: []string{}, Alerts: []alert{}, Queries: []queryAnswer{}, Cases: []caseAnswer{}}
	for _, query := range asked.Queries {
		metrics, err := metricsOf(query)
		result.Queries = append(result.Queries, queryAnswer{Error: text(err), Metrics: metrics})
	}
	if asked.Rules == "" {
		return result
	}
	groups, problems := rulefmt.ParseFile(asked.Rules, false, model.UTF8Validation)
	for _, problem := range problems {
		result.Errors = append(result.Errors, problem.Error())
	}
	if len(problems) > 0 {
		return result
	}
	rules := map[string]rulefmt.Rule{}
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			rules[rule.Alert] = rule
			metrics, _ := metricsOf(rule.Expr)
			result.Alerts = append(result.Alerts, alert{rule.Alert, rule.Labels, rule.Annotations, metrics})
		}
	}
	for _, one := range asked.Cases {
		firing, err := firingAtEnd(rules[one.Alert], one)
		result.Cases = append(result.Cases, caseAnswer{Error: text(err), Firing: firing})
	}
	return result
}

// metricsOf names the metrics that a query reads.
func metricsOf(query string) ([]string, error) {
	expression, err := parser.ParseExpr(query)
	if err != nil {
		return []string{}, err
	}
	names := map[string]bool{}
	parser.Inspect(expression, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			names[selector.Name] = true
		}
		return nil
	})
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	sort.Strings(sorted)
	return sorted, nil
}

// firingAtEnd evaluates a rule once a minute, as a server does, and says which alerts fire in the last one.
func firingAtEnd(rule rulefmt.Rule, one ruleCase) ([]map[string]string, error) {
	firing := []map[string]string{}
	if rule.Expr == "" {
		return firing, fmt.Errorf("no alert %s", one.Alert)
	}
	var load strings.Builder
	load.WriteString("load 1m\n")
	for series, values := range one.Series {
		fmt.Fprintf(&load, "  %s %s\n", series, values)
	}
	samples := promqltest.LoadedStorage(reporter{}, load.String())
	defer samples.Close()
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1_000_000, Timeout: 10 * time.Second, LookbackDelta: 5 * time.Minute})
	activeSince := map[string]time.Time{}
	for minute := 0; minute <= one.Minutes; minute++ {
		now := time.Unix(0, 0).Add(time.Duration(minute) * time.Minute)
		vector, err := evaluate(engine, samples, rule.Expr, now)
		if err != nil {
			return firing, err
		}
		firing = firing[:0]
		active := map[string]time.Time{}
		for _, sample := range vector {
			key := sample.Metric.String()
			since, known := activeSince[key]
			if !known {
				since = now
			}
			active[key] = since
			if now.Sub(since) >= time.Duration(rule.For) {
				firing = append(firing, labelsOf(sample.Metric))
			}
		}
		activeSince = active
	}
	return firing, nil
}

func evaluate(engine *promql.Engine, samples storage.Queryable, expression string, now time.Time) (promql.Vector, error) {
	query, err := engine.NewInstantQuery(context.Background(), samples, nil, expression, now)
	if err != nil {
		return nil, err
	}
	defer query.Close()
	vector, err := query.Exec(context.Background()).Vector()
	return append(promql.Vector{}, vector...), err
}

func labelsOf(metric labels.Labels) map[string]string {
	found := map[string]string{}
	metric.Range(func(label labels.Label) {
		if label.Name != labels.MetricName {
			found[label.Name] = label.Value
		}
	})
	return found
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// reporter ends the program at the first series that cannot be read.
type reporter struct{}

func (reporter) Helper() {}

func (reporter) Errorf(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
}

func (reporter) FailNow() { os.Exit(1) }
