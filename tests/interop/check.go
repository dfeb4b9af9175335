// Checks what townclerk signs and proves with Go's own libraries, golang.org/x/mod/sumdb/note and tlog, and makes
// things for townclerk to check. Run in a folder of files, one command at a time; a failed check is a line on stderr
// and the exit code 1. It shares no code with townclerk, and is short enough to be read before it is believed.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io/ioutil"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	commands := map[string]func(){"record": record, "growth": growth, "tiles": tiles, "exported": exported,
		"cosignature": cosignature, "sign": sign, "keygen": keygen}
	if len(os.Args) != 2 || commands[os.Args[1]] == nil {
		check(fmt.Errorf("usage: check record|growth|tiles|exported|cosignature|sign|keygen"))
	}
	commands[os.Args[1]]()
}

// record: the proof in "proof" is that of the line in "record", under the key in "key".
func record() {
	head, checkpoint := split(read("proof"))
	lines := strings.Split(head, "\n")
	expect(len(lines) >= 3 && lines[0] == "c2sp.org/tlog-proof@v1", "the first lines of a proof")
	nonce, err := base64.StdEncoding.DecodeString(after(lines[1], "extra "))
	check(err)
	index, err := strconv.ParseInt(after(lines[2], "index "), 10, 64)
	check(err)
	tree := open([]byte(checkpoint))
	leaf := tlog.RecordHash(append(nonce, read("record")...))
	check(tlog.CheckRecord(hashes(lines[3:]), tree.N, tree.Hash, index, leaf))
}

// growth: by the proof in "growth", the checkpoint in "new" goes on from the one in "old".
func growth() {
	old, new := open(read("old")), open(read("new"))
	proof := hashes(strings.Fields(string(read("growth"))))
	check(tlog.CheckTree(proof, new.N, new.Hash, old.N, old.Hash))
}

// tiles: the files below "tile" are those of the checkpoint in "new", and give the proof in "growth".
func tiles() {
	old, new := open(read("old")), open(read("new"))
	reader := all(new)
	proof, err := tlog.ProveTree(new.N, old.N, reader)
	check(err)
	expect(fmt.Sprint(proof) == fmt.Sprint(hashes(strings.Fields(string(read("growth"))))), "the same proof")
}

// exported: the files below "tile" are those of the checkpoint in "checkpoint", and give its root.
func exported() {
	tree := open(read("checkpoint"))
	root, err := tlog.TreeHash(tree.N, all(tree))
	check(err)
	expect(root == tree.Hash, "the signed root")
}

// all reads every tile of a tree, each checked against its root.
func all(tree tlog.Tree) tlog.HashReader {
	reader := tlog.TileHashReader(tree, files{})
	for _, tile := range tlog.NewTiles(8, 0, tree.N) {
		_, err := tlog.ReadTileData(tile, reader)
		check(err)
	}
	return reader
}

// cosignature: the checkpoint in "new" is signed by the witness whose key is in "witness".
func cosignature() {
	parts := strings.SplitN(string(read("witness")), "+", 3)
	expect(len(parts) == 3, "the three parts of a key")
	hash, err := strconv.ParseUint(parts[1], 16, 32)
	check(err)
	key, err := base64.StdEncoding.DecodeString(parts[2])
	check(err)
	expect(len(key) == 33 && key[0] == 4, "a key for cosignature/v1")
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	expect(binary.BigEndian.Uint32(sum[:]) == uint32(hash), "the id of the key")
	opened, err := note.Open(read("new"), note.VerifierList(witness{parts[0], uint32(hash), key[1:]}))
	check(err)
	expect(len(opened.Sigs) == 1, "one signature of the witness")
}

// witness verifies signatures as c2sp.org/tlog-cosignature lays them out, which Go's library does not know.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (w witness) Name() string { return w.name }

func (w witness) KeyHash() uint32 { return w.hash }

func (w witness) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	time := binary.BigEndian.Uint64(signature)
	return ed25519.Verify(w.key, []byte(fmt.Sprintf("cosignature/v1\ntime %d\n%s", time, text)), signature[8:])
}

// sign: signs the text in "text" with the private key in "private", which another program made.
func sign() {
	signer, err := note.NewSigner(string(read("private")))
	check(err)
	signed, err := note.Sign(&note.Note{Text: string(read("text"))}, signer)
	check(err)
	check(ioutil.WriteFile("signed", signed, 0600))
}

// keygen: makes a private key in "private" and its public one in "key".
func keygen() {
	private, public, err := note.GenerateKey(rand.Reader, "go.example/key")
	check(err)
	check(ioutil.WriteFile("private", []byte(private), 0600))
	check(ioutil.WriteFile("key", []byte(public), 0600))
}

// open verifies a checkpoint with the key in "key", and only then reads it.
func open(checkpoint []byte) tlog.Tree {
	verifier, err := note.NewVerifier(string(read("key")))
	check(err)
	opened, err := note.Open(checkpoint, note.VerifierList(verifier))
	check(err)
	lines := strings.Split(opened.Text, "\n")
	expect(len(lines) == 4 && lines[0] == verifier.Name() && lines[3] == "", "the three lines of a checkpoint")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	root, err := tlog.ParseHash(lines[2])
	check(err)
	return tlog.Tree{N: size, Hash: root}
}

// files serves tiles from the folder, by the paths of c2sp.org/tlog-tiles.
type files struct{}

func (files) Height() int { return 8 }

func (files) SaveTiles([]tlog.Tile, [][]byte) {}

func (files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		// Go's paths name the height of the tiles, which c2sp.org fixed at 8.
		all = append(all, read(strings.Replace(tile.Path(), "tile/8/", "tile/", 1)))
	}
	return all, nil
}

func hashes(lines []string) []tlog.Hash {
	var all []tlog.Hash
	for _, line := range lines {
		hash, err := tlog.ParseHash(line)
		check(err)
		all = append(all, hash)
	}
	return all
}

func split(proof []byte) (head, checkpoint string) {
	end := bytes.Index(proof, []byte("\n\n"))
	expect(end >= 0, "an empty line in the proof")
	return string(proof[:end]), string(proof[end+2:])
}

func after(line, prefix string) string {
	expect(strings.HasPrefix(line, prefix), prefix)
	return line[len(prefix):]
}

func read(name string) []byte {
	content, err := ioutil.ReadFile(name)
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
