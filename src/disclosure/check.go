// Verifies a bundle of townclerk with Go's own libraries, golang.org/x/mod/sumdb/note and tlog: that each record is in
// the log whose key is given, and that the bundle is the one that the register tells of. It shares no code with
// townclerk, and is short enough to be read before it is believed.
//
//	go run tools/check.go FILE-OF-PUBLIC-KEYS
//
// is run in the folder of the bundle. The file has a key a line, as the office has published them. A failed check is a
// line on stderr and the exit code 1.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	expect(len(os.Args) == 2, "usage: go run tools/check.go FILE-OF-PUBLIC-KEYS")
	published := strings.Fields(string(read(os.Args[1])))
	for _, log := range []string{"access", "addresses", "arrivals", "events"} {
		folder := "data/" + log + "/"
		if _, err := os.Stat(folder); err == nil {
			key := keyOf(folder+"key", published)
			fmt.Printf("%s: %d records are in the log of the key %s\n", log, records(folder, key), key.Name())
		}
	}
	register(published)
	fmt.Println("the bundle is the one that the register tells of")
}

// keyOf: the key in a file, if the office has published it.
func keyOf(file string, published []string) note.Verifier {
	text := strings.TrimSpace(string(read(file)))
	for _, key := range published {
		if key == text {
			verifier, err := note.NewVerifier(text)
			check(err)
			return verifier
		}
	}
	check(fmt.Errorf("%s: the office has not published this key", file))
	return nil
}

// records: every record of a log has its proof, by the checkpoint beside it.
func records(folder string, key note.Verifier) int {
	checkpoint := read(folder + "checkpoint")
	lines := map[string][]string{}
	count := 0
	for _, line := range lined(read(folder + "index.jsonl")) {
		var place struct {
			Index int64
			File  string
		}
		check(json.Unmarshal([]byte(line), &place))
		left, known := lines[place.File]
		if !known {
			left = lined(read(folder + place.File))
		}
		expect(len(left) > 0, "a record in "+place.File)
		proof := read(fmt.Sprintf("%sproofs/%020d.tlog-proof", folder, place.Index))
		index, tree := prove([]byte(left[0]), proof, key)
		expect(index == place.Index, "the index of the record in its proof")
		expect(bytes.Equal(tree, checkpoint), "one checkpoint for all proofs")
		lines[place.File] = left[1:]
		count++
	}
	for file, left := range lines {
		expect(len(left) == 0, "a place in the index for each record of "+file)
	}
	return count
}

// register: the line of the register is in its log, and has the hash of the manifest of data/.
func register(published []string) {
	line := lined(read("register/record.jsonl"))
	expect(len(line) == 1, "one line of the register")
	prove([]byte(line[0]), read("register/record.tlog-proof"), keyOf("register/key", published))
	var told map[string]interface{}
	check(json.Unmarshal([]byte(line[0]), &told))
	manifest := sha256.Sum256(read("manifest-sha256.txt"))
	expect(told["manifest.sha256"] == hex.EncodeToString(manifest[:]), "the manifest that the register tells of")
}

// prove: the record is in the log of this key, by its proof (c2sp.org/tlog-proof). Gives its index and the checkpoint.
func prove(record, proof []byte, key note.Verifier) (int64, []byte) {
	end := bytes.Index(proof, []byte("\n\n"))
	expect(end >= 0, "an empty line in the proof")
	lines := strings.Split(string(proof[:end]), "\n")
	expect(len(lines) >= 3 && lines[0] == "c2sp.org/tlog-proof@v1", "the first lines of a proof")
	nonce, err := base64.StdEncoding.DecodeString(after(lines[1], "extra "))
	check(err)
	index, err := strconv.ParseInt(after(lines[2], "index "), 10, 64)
	check(err)
	var path []tlog.Hash
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		check(err)
		path = append(path, hash)
	}
	checkpoint := proof[end+2:]
	opened, err := note.Open(checkpoint, note.VerifierList(key))
	check(err)
	head := strings.Split(opened.Text, "\n")
	expect(len(head) == 4 && head[0] == key.Name(), "the lines of the log's checkpoint")
	size, err := strconv.ParseInt(head[1], 10, 64)
	check(err)
	root, err := tlog.ParseHash(head[2])
	check(err)
	check(tlog.CheckRecord(path, size, root, index, tlog.RecordHash(append(nonce, record...))))
	return index, checkpoint
}

func lined(text []byte) []string {
	if len(text) == 0 {
		return nil
	}
	expect(text[len(text)-1] == '\n', "a newline at the end of a file")
	return strings.Split(string(text[:len(text)-1]), "\n")
}

func after(line, prefix string) string {
	expect(strings.HasPrefix(line, prefix), prefix)
	return line[len(prefix):]
}

func read(name string) []byte {
	content, err := os.ReadFile(name)
	check(err)
	return content
}

func expect(found bool, what string) {
	if !found {
		check(fmt.Errorf("not found: %s", what))
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
