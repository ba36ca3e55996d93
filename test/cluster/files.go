package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"k8s.io/client-go/tools/clientcmd"
)

func (p *controlPlane) path(name string) string { return filepath.Join(p.dir, name) }

func asset(name string) string {
	folder := os.Getenv("KUBEBUILDER_ASSETS")
	if folder == "" {
		return ""
	}
	file, err := filepath.Abs(filepath.Join(folder, name))
	if err != nil {
		return ""
	}
	if _, err := os.Stat(file); err != nil {
		return ""
	}
	return file
}

// mayOverwrite protects a person's own kubeconfig: a file is replaced only if it is empty or ours.
func mayOverwrite(file string) error {
	config, err := clientcmd.LoadFromFile(file)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s is not a kubeconfig and will not be overwritten: %w", file, err)
	}
	for name := range config.Clusters {
		if name != clusterName {
			return fmt.Errorf("%s names the cluster %q and will not be overwritten: choose another file", file, name)
		}
	}
	return nil
}

func (p *controlPlane) writeKubeconfigs() error {
	admin, err := p.credentials.kubeconfig(p.server(), adminUser)
	if err != nil {
		return err
	}
	p.kubeconfig = admin
	for _, file := range p.kubeconfigs {
		if err := os.WriteFile(file, admin, 0o600); err != nil {
			return err
		}
	}
	for file, user := range map[string]string{controllerKubeconfigFile: controllerUser, podRunnerKubeconfigFile: podRunnerUser} {
		config, err := p.credentials.kubeconfig(p.server(), user)
		if err != nil {
			return err
		}
		if err := os.WriteFile(p.path(file), config, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// removeFiles removes the data and, unless another control plane has replaced it, the kubeconfig that was asked
// for elsewhere. Logs and audit log stay for whoever owns the folder.
func (p *controlPlane) removeFiles() {
	_ = os.RemoveAll(p.path(dataFolder))
	for _, file := range p.kubeconfigs[1:] {
		if theirs, err := os.ReadFile(file); err == nil && slices.Equal(p.kubeconfig, theirs) {
			_ = os.Remove(file)
		}
	}
}
