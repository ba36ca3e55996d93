package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// The users of the static token file; all are cluster admins, the names tell them apart in the audit log.
// Whoever needs fewer rights makes ServiceAccounts and roles.
const (
	adminUser      = "admin"
	controllerUser = "system:kube-controller-manager"
	podRunnerUser  = "pod-runner"
)

// clusterName is the cluster's and the context's name in kubeconfigs, and tells that a kubeconfig is ours.
const clusterName = "gitwake-test"

// credentials are made anew at every start and are worth nothing after it.
type credentials struct {
	caCert []byte
	tokens map[string]string // by user
}

// writeCredentials puts the files that the API server's flags name into dir: ca.crt, tls.crt, tls.key,
// service-account.key and tokens.csv.
func writeCredentials(dir string) (*credentials, error) {
	made := &credentials{tokens: map[string]string{}}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	ca := certificateTemplate("gitwake test control plane")
	ca.IsCA, ca.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return nil, err
	}
	made.caCert = pemBlock("CERTIFICATE", caDER)

	servingKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serving := certificateTemplate("kube-apiserver")
	serving.KeyUsage, serving.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	serving.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}
	serving.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback, net.IPv4(10, 96, 0, 1)}
	servingDER, err := x509.CreateCertificate(rand.Reader, serving, ca, &servingKey.PublicKey, caKey)
	if err != nil {
		return nil, err
	}

	accountKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	table := ""
	for i, user := range []string{adminUser, controllerUser, podRunnerUser} {
		random := make([]byte, 24)
		_, _ = rand.Read(random)
		made.tokens[user] = hex.EncodeToString(random)
		table += fmt.Sprintf("%s,%s,%d,system:masters\n", made.tokens[user], user, i+1)
	}

	files := map[string][]byte{
		"ca.crt":              made.caCert,
		"tls.crt":             pemBlock("CERTIFICATE", servingDER),
		"tls.key":             keyPEM(servingKey),
		"service-account.key": keyPEM(accountKey),
		"tokens.csv":          []byte(table),
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return nil, err
		}
	}
	return made, nil
}

func (c *credentials) kubeconfig(server, user string) ([]byte, error) {
	return clientcmd.Write(api.Config{
		Clusters:       map[string]*api.Cluster{clusterName: {Server: server, CertificateAuthorityData: c.caCert}},
		AuthInfos:      map[string]*api.AuthInfo{user: {Token: c.tokens[user]}},
		Contexts:       map[string]*api.Context{clusterName: {Cluster: clusterName, AuthInfo: user}},
		CurrentContext: clusterName,
	})
}

func certificateTemplate(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		// Tests move their clocks; the certificate must not be what they trip over.
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(10, 0, 0),
		BasicConstraintsValid: true,
	}
}

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func keyPEM(key *ecdsa.PrivateKey) []byte {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		panic(err) // only for a curve that x509 does not know
	}
	return pemBlock("EC PRIVATE KEY", der)
}
