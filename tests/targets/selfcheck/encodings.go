package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
)

var encodings = []*part{
	{name: "json", run: viaJSON},
	{name: "gob", run: viaGob},
	{name: "xml", run: viaXML},
	{name: "gzip", run: viaGzip},
	{name: "binary", run: viaBinary},
	{name: "dates", run: dates},
	{name: "reflect", run: reflected},
}

type record struct {
	Name  string             `json:"name" xml:"name,attr"`
	Sizes []int              `json:"sizes"`
	Rates map[string]float64 `json:"rates" xml:"-"`
	Next  *record            `json:"next,omitempty"`
	Blob  []byte             `json:"blob"`
	On    bool               `json:"on"`
}

func sample() *record {
	last := &record{Name: prose, Sizes: []int{-1, 0, 1 << 40}, Blob: noise(50), On: true}
	return &record{Name: "first", Rates: map[string]float64{"b": 0.1, "a": -2e9}, Next: last, Sizes: []int{7}}
}

func viaJSON() string {
	encoded, err := json.Marshal(sample())
	must(err)
	var back record
	must(json.Unmarshal(encoded, &back))
	var loose any
	must(json.Unmarshal(encoded, &loose))
	broken := json.Unmarshal(encoded[:len(encoded)-3], &loose)
	return fmt.Sprint(string(encoded), reflect.DeepEqual(&back, sample()), loose, broken)
}

func viaGob() string {
	var wire bytes.Buffer
	must(gob.NewEncoder(&wire).Encode(sample()))
	var back record
	must(gob.NewDecoder(&wire).Decode(&back))
	return fmt.Sprint(back.Name, back.Sizes, back.Rates, *back.Next)
}

func viaXML() string {
	encoded, err := xml.Marshal(sample())
	must(err)
	var back record
	must(xml.Unmarshal(encoded, &back))
	return fmt.Sprint(string(encoded), back.Name, back.Sizes, back.Next.Name)
}

func viaGzip() string {
	var wire bytes.Buffer
	writer := gzip.NewWriter(&wire)
	plain := strings.Repeat(prose, 6) + string(noise(100))
	_, err := io.WriteString(writer, plain)
	must(err)
	must(writer.Close())
	size := wire.Len()
	reader, err := gzip.NewReader(&wire)
	must(err)
	back, err := io.ReadAll(reader)
	must(err)
	return fmt.Sprint(size, string(back) == plain)
}

func viaBinary() string {
	var wire bytes.Buffer
	must(binary.Write(&wire, binary.BigEndian, struct {
		A uint16
		B int64
		C [3]float32
	}{7, -9, [3]float32{1, 0.5, -2}}))
	wire.Write(binary.AppendUvarint(nil, 1<<50))
	encoded := base64.StdEncoding.EncodeToString(wire.Bytes()) + hex.EncodeToString(noise(40))
	back, err := base64.RawURLEncoding.DecodeString("SGFsbG8gV2VsdA")
	must(err)
	return fmt.Sprint(encoded, string(back), binary.LittleEndian.Uint64(noise(8)))
}

func dates() string {
	at := time.Date(2024, 2, 29, 23, 59, 59, 999, time.UTC)
	parsed, err := time.Parse(time.RFC1123Z, "Mon, 02 Jan 2006 15:04:05 -0700")
	must(err)
	return fmt.Sprint(at.AddDate(1, 0, 0), at.Format(time.RFC3339Nano), at.YearDay(), parsed.UTC(), at.Sub(parsed))
}

func (r *record) Size(factor int) int { return factor * len(r.Name) }

func reflected() string {
	value := reflect.ValueOf(sample())
	called := value.MethodByName("Size").Call([]reflect.Value{reflect.ValueOf(3)})[0].Int()
	made := reflect.New(value.Elem().Type()).Elem()
	made.FieldByName("Name").SetString("made")
	double := reflect.MakeFunc(reflect.TypeOf(func(int) int { return 0 }), func(in []reflect.Value) []reflect.Value {
		return []reflect.Value{reflect.ValueOf(int(2 * in[0].Int()))}
	})
	return fmt.Sprint(called, made.Interface(), double.Call([]reflect.Value{reflect.ValueOf(21)})[0], value.Elem().NumField())
}
