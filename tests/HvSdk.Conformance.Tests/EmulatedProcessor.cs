using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;

namespace HvSdk.Conformance.Tests;

/// <summary>Whether the host's processor is itself emulated, as in the nested machine: its hypervisor is genuine, and its processor may have gaps.</summary>
internal static class EmulatedProcessor
{
    /// <summary>QEMU's emulation (TCG).</summary>
    public const string QemuTcg = "QEMU TCG";

    /// <summary>Name of the emulation, or null.</summary>
    public static string? Name { get; } = ReadSignature() == "TCGTCGTCGTCG" ? QemuTcg : null;

    /// <summary>The signature of the hypervisor that the host itself runs under (CPUID leaf 0x40000000).</summary>
    private static string ReadSignature()
    {
        if (!X86Base.IsSupported)
        {
            return "";
        }

        (int _, int ebx, int ecx, int edx) = X86Base.CpuId(0x4000_0000, 0);
        ReadOnlySpan<int> signature = [ebx, ecx, edx];
        return Encoding.Latin1.GetString(MemoryMarshal.AsBytes(signature));
    }
}
