using HvSdk.Backends.Kvm.Interop;

namespace HvSdk.Backends.Kvm;

/// <summary>The XSAVE area of a vCPU, of whatever size the partition's features give it.</summary>
internal static class KvmXsave
{
    /// <summary>struct kvm_xsave before KVM_CAP_XSAVE2: 1,024 words.</summary>
    private const int LegacySize = 4096;

    internal static byte[] Read(SafeFd vcpu, int size)
    {
        byte[] area = new byte[int.Max(size, LegacySize)];
        if (size > 0)
        {
            vcpu.Control(KVM.KVM_GET_XSAVE2, area, nameof(KVM.KVM_GET_XSAVE2));
        }
        else
        {
            vcpu.Control(KVM.KVM_GET_XSAVE, area, nameof(KVM.KVM_GET_XSAVE));
        }

        return area;
    }

    internal static void Write(SafeFd vcpu, int size, ReadOnlySpan<byte> xsave)
    {
        byte[] area = new byte[int.Max(size, LegacySize)];
        ReadOnlySpan<byte> given = xsave[..int.Min(xsave.Length, area.Length)];
        if (xsave[given.Length..].ContainsAnyExcept((byte)0))
        {
            throw new ArgumentException($"The XSAVE area holds state beyond the {area.Length} bytes that this host's vCPUs have.", nameof(xsave));
        }

        given.CopyTo(area);
        vcpu.Control(KVM.KVM_SET_XSAVE, area, nameof(KVM.KVM_SET_XSAVE));
    }
}
