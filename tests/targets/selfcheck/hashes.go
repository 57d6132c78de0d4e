package main

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash/adler32"
	"hash/crc32"
	"hash/crc64"
	"strings"
)

// The assembly of these is full of AVX and AVX2.
var hashes = []*part{
	{name: "sha256", run: overLengths(func(b []byte) any { return sha256.Sum256(b) })},
	{name: "sha512", run: overLengths(func(b []byte) any { return sha512.Sum512(b) })},
	{name: "sha1", run: overLengths(func(b []byte) any { return sha1.Sum(b) })},
	{name: "md5", run: overLengths(func(b []byte) any { return md5.Sum(b) })},
	{name: "crc32", run: overLengths(func(b []byte) any { return crc32.ChecksumIEEE(b) })},
	{name: "castagnoli", run: overLengths(func(b []byte) any { return crc32.Checksum(b, castagnoli) })},
	{name: "crc64", run: overLengths(func(b []byte) any { return crc64.Checksum(b, iso) })},
	{name: "adler32", run: overLengths(func(b []byte) any { return adler32.Checksum(b) })},
	{name: "hmac", run: authenticate},
	{name: "aes-gcm", run: sealAndOpen},
	{name: "aes-ctr", run: countingMode},
	{name: "ed25519", run: signAndVerify},
	{name: "x25519", run: agree},
}

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	iso        = crc64.MakeTable(crc64.ISO)
)

// overLengths applies a hash to inputs on both sides of the sizes that its loops care about.
func overLengths(hash func([]byte) any) func() string {
	return func() string {
		var out strings.Builder
		for _, n := range []int{0, 1, 55, 64, 129, 300, 700} {
			fmt.Fprintf(&out, "%x ", hash(noise(n)))
		}
		return out.String()
	}
}

func authenticate() string {
	mac := hmac.New(sha256.New, noise(33))
	mac.Write(noise(200))
	return fmt.Sprintf("%x", mac.Sum(nil))
}

func sealAndOpen() string {
	block, err := aes.NewCipher(noise(32))
	must(err)
	gcm, err := cipher.NewGCM(block)
	must(err)
	nonce, plain, extra := noise(12), noise(333), noise(20)
	sealed := gcm.Seal(nil, nonce, plain, extra)
	opened, err := gcm.Open(nil, nonce, sealed, extra)
	must(err)
	sealed[7] ^= 1
	_, forged := gcm.Open(nil, nonce, sealed, extra)
	return fmt.Sprintf("%x %x %v", sealed, opened, forged)
}

func countingMode() string {
	block, err := aes.NewCipher(noise(16))
	must(err)
	out := make([]byte, 333)
	cipher.NewCTR(block, noise(16)).XORKeyStream(out, noise(333))
	return fmt.Sprintf("%x", out)
}

func signAndVerify() string {
	key := ed25519.NewKeyFromSeed(noise(32))
	signature := ed25519.Sign(key, noise(80))
	right := ed25519.Verify(key.Public().(ed25519.PublicKey), noise(80), signature)
	return fmt.Sprintf("%x %v", signature, right)
}

func agree() string {
	mine, err := ecdh.X25519().NewPrivateKey(noise(32))
	must(err)
	other, err := ecdh.X25519().NewPrivateKey(noise(64)[32:])
	must(err)
	secret, err := mine.ECDH(other.PublicKey())
	must(err)
	return fmt.Sprintf("%x", secret)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
