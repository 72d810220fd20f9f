package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protowire"
	volumeutil "k8s.io/kubernetes/pkg/volume/util"
)

// The driver waits for a provider that is not there, and calls three times one that says UNAVAILABLE.
const retryPolicy = `{"methodConfig": [{
	"name": [{"service": "v1alpha1.CSIDriverProvider"}],
	"waitForReady": true,
	"retryPolicy": {
		"MaxAttempts": 3, "InitialBackoff": "1s", "MaxBackoff": "10s", "BackoffMultiplier": 1.1,
		"RetryableStatusCodes": ["UNAVAILABLE"]
	}
}]}`

const maximumAnswerBytes = 4 << 20

var providerName = regexp.MustCompile(`^[a-zA-Z0-9_-]{0,30}$`)

// providerSockets are the providers by name. As in the real driver a connection is kept for ever.
type providerSockets struct {
	folder      string
	lock        sync.Mutex
	connections map[string]*grpc.ClientConn
}

func (p *providerSockets) connection(provider string) (*grpc.ClientConn, error) {
	p.lock.Lock()
	defer p.lock.Unlock()
	if known := p.connections[provider]; known != nil {
		return known, nil
	}
	if !providerName.MatchString(provider) {
		return nil, fmt.Errorf("invalid provider: provider %q", provider)
	}
	socket := filepath.Join(p.folder, provider+".sock")
	if _, err := os.Stat(socket); err != nil {
		return nil, fmt.Errorf("provider not found: provider %q", provider)
	}
	made, err := grpc.NewClient("unix:"+socket,
		grpc.WithAuthority("localhost"),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(retryPolicy),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maximumAnswerBytes), grpc.ForceCodec(bytesCodec{})))
	if err == nil {
		p.connections[provider] = made
	}
	return made, err
}

// mount calls a provider. Secrets without entries become the text `null`, which is what the driver sends.
func (p *providerSockets) mount(ctx context.Context, provider string, parameters, secrets map[string]string, target string) (*mountAnswer, error) {
	connection, err := p.connection(provider)
	if err != nil {
		return nil, fmt.Errorf("error connecting to provider %q: %w", provider, err)
	}
	attributes, err := json.Marshal(parameters)
	if err != nil {
		return nil, err
	}
	credentials, err := json.Marshal(secrets)
	if err != nil {
		return nil, err
	}
	var request, response []byte
	for index, text := range []string{string(attributes), string(credentials), target, "420"} {
		request = protowire.AppendTag(request, protowire.Number(index+1), protowire.BytesType)
		request = protowire.AppendString(request, text)
	}
	if err := connection.Invoke(ctx, "/v1alpha1.CSIDriverProvider/Mount", &request, &response); err != nil {
		return nil, err
	}
	return readAnswer(response)
}

// bytesCodec hands messages over as bytes: they are put together and taken apart by field number here.
type bytesCodec struct{}

func (bytesCodec) Name() string { return "proto" }

func (bytesCodec) Marshal(message any) ([]byte, error) {
	bytes, ok := message.(*[]byte)
	if !ok {
		return nil, errors.New("not bytes")
	}
	return *bytes, nil
}

func (bytesCodec) Unmarshal(data []byte, message any) error {
	bytes, ok := message.(*[]byte)
	if !ok {
		return errors.New("not bytes")
	}
	*bytes = slices.Clone(data)
	return nil
}

// mountAnswer is a MountResponse without an error.
type mountAnswer struct {
	versions map[string]string
	files    map[string]volumeutil.FileProjection
}

func readAnswer(response []byte) (*mountAnswer, error) {
	answer := &mountAnswer{versions: map[string]string{}, files: map[string]volumeutil.FileProjection{}}
	code := ""
	fields(response, func(number protowire.Number, _ uint64, value []byte) {
		switch number {
		case 1:
			texts := map[protowire.Number]string{}
			fields(value, func(number protowire.Number, _ uint64, text []byte) { texts[number] = string(text) })
			answer.versions[texts[1]] = texts[2]
		case 2:
			fields(value, func(_ protowire.Number, _ uint64, text []byte) { code = string(text) })
		case 3:
			name, file := readFile(value)
			answer.files[name] = file
		}
	})
	if code != "" {
		return nil, fmt.Errorf("mount request failed with provider error code %s", code)
	}
	if len(answer.versions) == 0 {
		return nil, errors.New("missing object versions")
	}
	return answer, nil
}

func readFile(message []byte) (name string, file volumeutil.FileProjection) {
	fields(message, func(number protowire.Number, integer uint64, value []byte) {
		switch number {
		case 1:
			name = string(value)
		case 2:
			file.Mode = int32(integer)
		case 3:
			file.Data = value
		}
	})
	return name, file
}

// fields calls back for each field of a message: with its number or with its bytes.
func fields(message []byte, each func(number protowire.Number, integer uint64, value []byte)) {
	for len(message) > 0 {
		number, kind, length := protowire.ConsumeTag(message)
		if length < 0 {
			return
		}
		message = message[length:]
		switch kind {
		case protowire.VarintType:
			integer, length := protowire.ConsumeVarint(message)
			if length < 0 {
				return
			}
			each(number, integer, nil)
			message = message[length:]
		case protowire.BytesType:
			value, length := protowire.ConsumeBytes(message)
			if length < 0 {
				return
			}
			each(number, 0, value)
			message = message[length:]
		default:
			return
		}
	}
}

// write puts the files into the volume. Without files nothing is written and nothing removed, as in the real driver.
func (a *mountAnswer) write(target string) error {
	if len(a.files) == 0 {
		return nil
	}
	for name := range a.files {
		if name == "" || path.Clean(name) != name || path.IsAbs(name) || strings.HasPrefix(name, "..") {
			return fmt.Errorf("invalid filepath: %q", name)
		}
	}
	writer, err := volumeutil.NewAtomicWriter(target, "secrets-store")
	if err != nil {
		return err
	}
	return writer.Write(a.files, nil)
}
