# The shipped BTF: found beside build/skep in the tree, in the data directory once installed.
$(B)/share/btf: $(CURDIR)/share/btf
	@mkdir -p $(B)/share && ln -sfn "$$(realpath --relative-to=$(B)/share share/btf)" $@

all: $(B)/share/btf
