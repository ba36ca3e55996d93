// Command ssh-server is a Git host over ssh for tests: it lets in who holds the authorized key and runs git-upload-pack, nothing
// else. It prints one JSON line when it listens, and ends when its stdin closes.
package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
)

// silentUser is let in, and then nothing is answered.
const silentUser = "silent"

func main() {
	root := flag.String("root", "", "folder with the bare repositories")
	authorized := flag.String("authorized-key", "", "the one public key that is let in, as in authorized_keys")
	flag.Parse()
	if err := serve(*root, *authorized); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(root, authorized string) error {
	config, hostKey, err := configure(authorized)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	ready := map[string]any{"port": listener.Addr().(*net.TCPAddr).Port, "hostKey": strings.TrimSpace(string(ssh.MarshalAuthorizedKey(hostKey)))}
	if err := json.NewEncoder(os.Stdout).Encode(ready); err != nil {
		return err
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go answer(connection, config, root)
	}
}

func configure(authorized string) (*ssh.ServerConfig, ssh.PublicKey, error) {
	wanted, _, _, _, err := ssh.ParseAuthorizedKey([]byte(authorized))
	if err != nil {
		return nil, nil, err
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, nil, err
	}
	config := &ssh.ServerConfig{
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if string(key.Marshal()) != string(wanted.Marshal()) {
				return nil, errors.New("another key")
			}
			return nil, nil
		},
	}
	config.AddHostKey(signer)
	return config, signer.PublicKey(), nil
}

func answer(connection net.Conn, config *ssh.ServerConfig, root string) {
	defer connection.Close()
	session, channels, requests, err := ssh.NewServerConn(connection, config)
	if err != nil {
		return // who is not let in was told so
	}
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		if offered.ChannelType() != "session" {
			_ = offered.Reject(ssh.UnknownChannelType, "sessions only")
			continue
		}
		if channel, asked, err := offered.Accept(); err == nil {
			go run(channel, asked, root, session.User() == silentUser)
		}
	}
}

// run answers the requests of one session: the protocol's version as an environment variable, then one command.
func run(channel ssh.Channel, requests <-chan *ssh.Request, root string, silent bool) {
	environment := os.Environ()
	for request := range requests {
		switch request.Type {
		case "env":
			var variable struct{ Name, Value string }
			if ssh.Unmarshal(request.Payload, &variable) == nil && variable.Name == "GIT_PROTOCOL" {
				environment = append(environment, variable.Name+"="+variable.Value)
			}
			_ = request.Reply(true, nil)
		case "exec":
			var command struct{ Line string }
			_ = request.Reply(ssh.Unmarshal(request.Payload, &command) == nil, nil)
			if silent {
				continue
			}
			status := uploadPack(channel, command.Line, root, environment)
			_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
			_ = channel.Close()
		default:
			_ = request.Reply(false, nil)
		}
	}
}

// uploadPack runs what git asks for as `git-upload-pack '/shop.git'`.
func uploadPack(channel ssh.Channel, line, root string, environment []string) uint32 {
	name, isUploadPack := strings.CutPrefix(line, "git-upload-pack ")
	if !isUploadPack {
		fmt.Fprintln(channel.Stderr(), "only git-upload-pack is served")
		return 128
	}
	folder := filepath.Join(root, filepath.Clean("/"+strings.Trim(name, "'")))
	command := exec.Command("git", "upload-pack", folder)
	command.Env = environment
	command.Stdout, command.Stderr = channel, channel.Stderr()
	input, err := command.StdinPipe()
	if err != nil {
		return 1
	}
	go func() { // git may end, and be told so, while the client still listens
		_, _ = io.Copy(input, channel)
		_ = input.Close()
	}()
	var exit *exec.ExitError
	if err := command.Run(); errors.As(err, &exit) {
		return uint32(exit.ExitCode())
	} else if err != nil {
		return 1
	}
	return 0
}
