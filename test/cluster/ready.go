package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"time"

	"k8s.io/component-base/version"
)

// description is the ready line: all that a client needs.
func (p *controlPlane) description() map[string]any {
	return map[string]any{
		"kubeconfig": p.kubeconfigs[len(p.kubeconfigs)-1],
		"server":     p.server(),
		"caFile":     p.path("ca.crt"),
		"token":      p.credentials.tokens[adminUser],
		"auditLog":   p.auditLog,
		"logs":       p.path("logs"),
		"pid":        os.Getpid(),
		"version":    version.Get().GitVersion,
	}
}

// waitUntilReady returns when the API server says that it is ready and the namespace "default" is there, or
// with an error as soon as the server or etcd has ended.
func (p *controlPlane) waitUntilReady(ctx context.Context) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.credentials.caCert)
	client := &http.Client{
		Timeout:   5 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
	}
	defer client.CloseIdleConnections()
	for {
		if p.answers(ctx, client, "/readyz") && p.answers(ctx, client, "/api/v1/namespaces/default") {
			return nil
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

func (p *controlPlane) answers(ctx context.Context, client *http.Client, path string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.server()+path, nil)
	if err != nil {
		return false
	}
	request.Header.Set("Authorization", "Bearer "+p.credentials.tokens[adminUser])
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode == http.StatusOK
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
