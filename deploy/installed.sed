# What differs in config/townclerk.toml on a machine where townclerk is installed:
#
#   sed -f deploy/installed.sed config/townclerk.toml >/etc/townclerk/townclerk.toml
#
# Folders of its own, as its unit has them; and the witness, which is the last that stands there.
s|"\.\./journal|"/var/lib/townclerk/www|
s|"\.\./acme" \{16\}|"/var/lib/townclerk/acme"|
s|"unix:\.\./admin\.sock"|"unix:/run/townclerk/admin.sock"|
/^#   \[\[site\.journal\.witness\]\]/,$ s/^#   //
