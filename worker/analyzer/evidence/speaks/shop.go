// Package shop is code as one meets it, written from the rules' titles alone: precision.py speaks says which notice.
package shop

import (
	"crypto/des"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"math/rand"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"text/template"
)

type server struct {
	stopped bool
	db      *sql.DB
}

func (s *server) wait() {
	for !s.stopped {} // EC-GO-401
}

func (s *server) search(w http.ResponseWriter, r *http.Request) {
	valid := regexp.MustCompile(`^[a-z0-9]+$`) // EC-GO-105
	if !valid.MatchString(r.FormValue("q")) {
		http.Error(w, "bad query", http.StatusBadRequest)
	}
}

func orders(w http.ResponseWriter, r *http.Request) {
	db, err := sql.Open("postgres", os.Getenv("DATABASE_URL")) // EC-GO-111
	if err != nil {
		http.Error(w, err.Error(), 500)
		return
	}
	defer db.Close()
	list(w, db)
}

func (s *server) names() ([]string, error) {
	rows, err := s.db.Query("SELECT name FROM customer") // EC-GO-112
	if err != nil {
		return nil, err
	}
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

func (s *server) find(name string) (*sql.Rows, error) {
	return s.db.Query(fmt.Sprintf("SELECT id FROM customer WHERE name = '%s'", name)) // EC-GO-302
}

func resetToken() string {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	token := make([]byte, 32)
	for i := range token {
		token[i] = letters[rand.Intn(len(letters))] // EC-GO-304
	}
	return string(token)
}

func hashPassword(password string) string {
	sum := sha256.Sum256([]byte(password)) // EC-GO-305
	return hex.EncodeToString(sum[:])
}

func seal(key []byte) error {
	block, err := des.NewCipher(key) // EC-GO-306
	if err != nil {
		return err
	}
	return sealWith(block)
}

func download(w http.ResponseWriter, r *http.Request) {
	path := filepath.Join("/srv/files", r.URL.Query().Get("name")) // EC-GO-307
	http.ServeFile(w, r, path)
}

func page(w http.ResponseWriter, r *http.Request) {
	t := template.Must(template.ParseFiles("page.html")) // EC-GO-308
	t.Execute(w, r.FormValue("name")) // EC-GO-308
}

func login(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, r.FormValue("next"), http.StatusFound) // EC-GO-309
}
