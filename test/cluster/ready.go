package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"time"
)

// description is the ready line: all that a client needs.
func (p *controlPlane) description(ctx context.Context) map[string]any {
	served := struct{ GitVersion string }{} // not ours where KUBEBUILDER_ASSETS rules
	if body, ok := p.get(ctx, p.httpClient(), "/version"); ok {
		_ = json.Unmarshal(body, &served)
	}
	return map[string]any{
		"kubeconfig": p.kubeconfigs[len(p.kubeconfigs)-1],
		"server":     p.server(),
		"caFile":     p.path("ca.crt"),
		"token":      p.credentials.tokens[adminUser],
		"auditLog":   p.auditLog,
		"logs":       p.path("logs"),
		"pid":        os.Getpid(),
		"version":    served.GitVersion,
	}
}

// waitForEtcd returns when etcd listens. An API server that comes too early tries again only a second later.
func (p *controlPlane) waitForEtcd(ctx context.Context) error {
	for {
		if _, err := os.Stat(p.path(etcdSocket)); err == nil {
			return nil
		}
		if !p.etcd.running() {
			return fmt.Errorf("etcd did not start:\n%s", p.etcd.logTail())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// waitUntilReady returns when the API server says that it is ready and the namespace "default" is there, or
// with an error as soon as the server or etcd has ended.
func (p *controlPlane) waitUntilReady(ctx context.Context) error {
	// Where the port was lost to somebody else, it is they who are asked, and they may never answer.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func(ended <-chan struct{}) {
		select {
		case <-ended:
			cancel()
		case <-ctx.Done():
		}
	}(p.apiServer.done)

	client := p.httpClient()
	defer client.CloseIdleConnections()
	for {
		if _, ready := p.get(ctx, client, "/readyz"); ready {
			if _, complete := p.get(ctx, client, "/api/v1/namespaces/default"); complete {
				return nil
			}
		}
		for _, needed := range []*child{p.etcd, p.apiServer} {
			if !needed.running() {
				return fmt.Errorf("%s did not start:\n%s", needed.name, needed.logTail())
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", p.server(), ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (p *controlPlane) httpClient() *http.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.credentials.caCert)
	return &http.Client{
		Timeout:   5 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
	}
}

// get returns the answer's body and whether it was a 200; an API server that is not there yet is no error.
func (p *controlPlane) get(ctx context.Context, client *http.Client, path string) ([]byte, bool) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.server()+path, nil)
	if err != nil {
		return nil, false
	}
	request.Header.Set("Authorization", "Bearer "+p.credentials.tokens[adminUser])
	response, err := client.Do(request)
	if err != nil {
		return nil, false
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return body, err == nil && response.StatusCode == http.StatusOK
}

// randomFreePort stays below the ranges from which systems take the local ports of outgoing connections, so
// that a stopped API server finds its port still free when it comes back.
func randomFreePort() int {
	for {
		port := 16000 + rand.IntN(16000)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			listener.Close()
			return port
		}
	}
}
