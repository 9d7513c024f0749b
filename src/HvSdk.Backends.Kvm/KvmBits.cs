namespace HvSdk.Backends.Kvm;

/// <summary>The kernel's one-byte truth values.</summary>
internal static class KvmBits
{
    internal static byte From(bool value) => value ? (byte)1 : (byte)0;
}
