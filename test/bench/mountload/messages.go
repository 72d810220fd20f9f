package main

import (
	"encoding/json"

	"google.golang.org/protobuf/encoding/protowire"
)

// rawCodec hands encoded messages through, so that the client costs the machine as little as possible.
type rawCodec struct{}

func (rawCodec) Name() string                  { return "proto" }
func (rawCodec) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (rawCodec) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}

// mountRequest encodes a MountRequest of v1alpha1 with what the driver sends beside the attributes.
func mountRequest(attributes json.RawMessage) []byte {
	fields := []string{string(attributes), "null", "/var/lib/kubelet/pods/load/volumes/kubernetes.io~csi/secrets/mount", "420"}
	var b []byte
	for index, text := range fields {
		b = protowire.AppendTag(b, protowire.Number(index+1), protowire.BytesType)
		b = protowire.AppendString(b, text)
	}
	return b
}

// answer sums a MountResponse up.
type answer struct {
	errorCode string
	files     int
	bytes     int // of the encoded files
}

func parseAnswer(b []byte) (answer, error) {
	var parsed answer
	for len(b) > 0 {
		number, kind, length := protowire.ConsumeTag(b)
		if length < 0 {
			return parsed, protowire.ParseError(length)
		}
		b = b[length:]
		length = protowire.ConsumeFieldValue(number, kind, b)
		if length < 0 {
			return parsed, protowire.ParseError(length)
		}
		value := b[:length]
		b = b[length:]
		if kind != protowire.BytesType {
			continue
		}
		content, _ := protowire.ConsumeBytes(value)
		switch number {
		case 2: // error, whose only field is the code
			if _, _, n := protowire.ConsumeTag(content); n > 0 {
				code, _ := protowire.ConsumeString(content[n:])
				parsed.errorCode = code
			}
		case 3: // files
			parsed.files++
			parsed.bytes += len(content)
		}
	}
	return parsed, nil
}
