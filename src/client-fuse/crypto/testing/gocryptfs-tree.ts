/**
 * A tree that Debian's gocryptfs 2.3 made: `gocryptfs -init -scryptn 10` with the passphrase "test", and then, through a mount, a file `plain` with "magma", a file of
 * 200 times `n` with "x", and a symlink `link` to `../target`. gocryptfs-xray shows that master key.
 */
export const PASSPHRASE = 'test';
export const MASTER_KEY = 'd03f52ea-bfcb400f-2a7f13c9-93e97da0-e9a27050-e63f4dc8-9b0da155-092074fe';
export const CONF = `{
	"Creator": "gocryptfs 2.3",
	"EncryptedKey": "PLPq8o4A3V2uBEx2i+/JBphrQ0WQCVXVIcw0WhzJxnFTvGqEpnzV3V8AeZshLRo6+Ns6MKRQcdqn7zeSI6h1og==",
	"ScryptObject": {
		"Salt": "UOPbiAULctP/sbHnkFbxKDSQ85/WEFleMHyoBRsoFMo=",
		"N": 1024,
		"R": 8,
		"P": 1,
		"KeyLen": 32
	},
	"Version": 2,
	"FeatureFlags": [
		"HKDF",
		"GCMIV128",
		"DirIV",
		"EMENames",
		"LongNames",
		"Raw64"
	]
}
`;
export const DIRECTORY_IV = Buffer.from('7240ed6fe1f230138c62d42b7674b738', 'hex');
export const PLAIN = {
  entry: 'wjOOmYC_IxZR6Z_91LhXmg',
  contents: Buffer.from(
    '0002e62c802a44252ba51be15d808a0c7499c82f385ad9f57a73d45ac0a95cdf3795389a735825ba0a9ca66773287f42dc47f4e15c0ad5',
    'hex',
  ),
};
export const LONG = {
  entry: 'gocryptfs.longname.rbns1jx4CJfwAtdM7YvEdG7BCEUsFU0QA9kFe_jtoFs',
  name:
    'GJNUKbVgm2rpj4k17_C3VBn7t8z5sPn5xbWd7bL6gzuclfYXhjp7Xg0QMMP98nnCWB36QvysLsRakuFdDjpq5jGdS0gQoJpmsqpkThfuQldRkevL7KvTuB46fEmloRj_PYApIoCWek0' +
    'rn0EU3SEwpv5fzjLYgaSJ18IUdw2vFRWy6eY1xL35ZG5m_J0ljjMNAZUkvZHIsfX_60h1oAwFW_k0XWfFx-9RDwhKlZS9FZl-ztxtiL5_9iey-fAHoBK2gkL2Xa4vaFy9L_z_VCbXrA',
};
export const LINK = {
  entry: 'wLMKo8NPpXo7G_03kS5LJg',
  target: 'utB61eUmwj96IRZamX_4iIFruJqikewS2iU-rytEGllA6gEKJ3Obd1M',
};
