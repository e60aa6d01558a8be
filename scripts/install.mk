# make install DESTDIR=… prefix=…: program, libraries, headers, skep.pc, BTF, man pages, completion.
bindir ?= $(prefix)/bin
includedir ?= $(prefix)/include
mandir ?= $(prefix)/share/man
docdir ?= $(prefix)/share/doc/skep
completiondir ?= $(prefix)/share/bash-completion/completions
pcdir ?= $(libdir)/pkgconfig
D = $(DESTDIR)

$(B)/skep.pc: scripts/skep.pc.in Makefile
	@mkdir -p $(@D)
	$(Q)sed -e 's|@prefix@|$(prefix)|' -e 's|@libdir@|$(libdir)|' -e 's|@includedir@|$(includedir)|' \
		-e 's|@version@|$(VERSION)|' -e 's|@libs@|$(LIBS)|' $< >$@

.PHONY: $(B)/skep.pc install uninstall
install: all $(B)/skep.pc
	install -d $(D)$(bindir) $(D)$(libdir) $(D)$(pcdir) $(D)$(includedir)/skep $(D)$(mandir)/man1 \
		$(D)$(docdir) $(D)$(completiondir) $(D)$(DATADIR)/btf $(D)$(DATADIR)/include
	install -m 755 $(B)/skep $(D)$(bindir)/skep
	install -m 644 $(B)/libskep.a $(D)$(libdir)/libskep.a
	install -m 755 $(B)/libskep.so $(D)$(libdir)/libskep.so.$(VERSION)
	ln -sf libskep.so.$(VERSION) $(D)$(libdir)/libskep.so.0
	ln -sf libskep.so.0 $(D)$(libdir)/libskep.so
	install -m 644 $(B)/skep.pc $(D)$(pcdir)/skep.pc
	install -m 644 include/skep/*.h $(D)$(includedir)/skep
	scripts/make-macros >$(D)$(DATADIR)/include/skep_macros.h
	chmod 644 $(D)$(DATADIR)/include/skep_macros.h
	install -m 644 share/btf/* $(D)$(DATADIR)/btf
	install -d $(D)$(DATADIR)/systemd
	sed 's|/usr/bin/skep|$(bindir)/skep|' share/systemd/skep@.service >$(D)$(DATADIR)/systemd/skep@.service
	chmod 644 $(D)$(DATADIR)/systemd/skep@.service
	install -m 644 man/*.1 $(D)$(mandir)/man1
	install -m 644 completion/skep.bash $(D)$(completiondir)/skep
	install -m 644 README.md LICENSE $(wildcard docs/*.md) $(D)$(docdir)
	install -d $(D)$(docdir)/examples
	install -m 644 $(wildcard examples/*) $(D)$(docdir)/examples
