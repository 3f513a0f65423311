// Signs a CertificateRequest (JSON on stdin) by the functions of cert-manager that its CA issuer's controller calls: what is taken from a request, and what is not, is theirs.
package main

import (
	"encoding/json"
	"log"
	"os"

	certmanager "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"github.com/cert-manager/cert-manager/pkg/util/pki"
)

// As Sign of pkg/controller/certificaterequests/ca/ca.go. Arguments: files with the issuer's tls.crt and tls.key.
func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("name the files tls.crt and tls.key")
	}
	var request certmanager.CertificateRequest
	must(json.NewDecoder(os.Stdin).Decode(&request))
	chain := got(pki.DecodeX509CertificateChainBytes(got(os.ReadFile(os.Args[1]))))
	key := got(pki.DecodePrivateKeyBytes(got(os.ReadFile(os.Args[2]))))
	template := got(pki.CertificateTemplateFromCertificateRequest(&request))
	bundle := got(pki.SignCSRTemplate(chain, key, template))
	must(json.NewEncoder(os.Stdout).Encode(map[string][]byte{"certificate": bundle.ChainPEM, "ca": bundle.CAPEM}))
}

func got[T any](value T, err error) T {
	must(err)
	return value
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
