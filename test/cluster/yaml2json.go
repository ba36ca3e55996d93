package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// yamlToJSON prints each YAML or JSON document of the input as one line of JSON, read exactly as kubectl
// reads it (the loop of k8s.io/cli-runtime's StreamVisitor). Empty documents print nothing. It is the oracle
// for how our own reader must see octal modes, booleans, large integers and broken input.
func yamlToJSON(in io.Reader, out, problems io.Writer) int {
	lines := bufio.NewWriter(out)
	defer lines.Flush()
	documents := yaml.NewYAMLOrJSONDecoder(in, 4096)
	for {
		document := runtime.RawExtension{}
		if err := documents.Decode(&document); errors.Is(err, io.EOF) {
			return 0
		} else if err != nil {
			fmt.Fprintln(problems, err)
			return 1
		}
		raw := bytes.TrimSpace(document.Raw)
		if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
			continue
		}
		line := bytes.Buffer{}
		if err := json.Compact(&line, raw); err != nil { // a JSON document comes through undecoded
			fmt.Fprintln(problems, err)
			return 1
		}
		line.WriteByte('\n')
		lines.Write(line.Bytes())
	}
}
