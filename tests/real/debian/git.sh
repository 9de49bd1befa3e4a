#!/bin/bash
# git
export GIT_AUTHOR_DATE="2020-01-01T00:00:00Z" GIT_COMMITTER_DATE="2020-01-01T00:00:00Z" GIT_CONFIG_NOSYSTEM=1
git config --global user.email a@b.c
git config --global user.name n
git config --global init.defaultBranch main
git init -q r
cd r
for i in 1 2 3 4 5; do seq $((i * 20)) > f$i; git add .; git commit -qm "commit $i"; done
git log --oneline
git checkout -qb side
echo x > g
git add g
git commit -qm side
git checkout -q main
echo y > h
git add h
git commit -qm mainline
git merge -q -m merge side
git log --graph --oneline | head -n 5
git diff HEAD~2 --stat
git gc -q
git fsck
git rev-parse HEAD
git status --short | wc -l
git clone -q . ../c
ls ../c
rm -f /root/.gitconfig
