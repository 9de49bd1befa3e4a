#!/bin/bash
# openssl
seq 10000 > f
for d in sha1 sha256 sha512 md5 sha3-256 blake2b512; do openssl dgst -$d f; done
openssl enc -aes-256-cbc -pbkdf2 -pass pass:x -S 0011223344556677 -in f -out e
openssl enc -d -aes-256-cbc -pbkdf2 -pass pass:x -in e 2>/dev/null | cmp - f
openssl genrsa -out k.pem 1024 2>/dev/null
openssl rsa -in k.pem -check -noout 2>&1 | tail -n 1
openssl dgst -sha256 -sign k.pem -out s f
openssl rsa -in k.pem -pubout -out p.pem 2>/dev/null
openssl dgst -sha256 -verify p.pem -signature s f
openssl prime 982451653
