using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;
using HvSdk.Live.Transcripts;
using Microsoft.Win32;

namespace HvSdk.FieldKit;

/// <summary>Reads what a transcript tells of the machine. No names, no serial numbers, no addresses.</summary>
internal static class HostReader
{
    private const string WindowsVersion = @"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion";

    /// <summary>Reads it.</summary>
    public static HostFacts Read() => new(
        PersonalData.Remove(RuntimeInformation.OSDescription),
        OperatingSystem.IsWindows() ? ReadWindowsBuild() : "",
        ReadProcessor(),
        ReadSignature(),
        Environment.ProcessorCount,
        (int)Math.Round(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (double)(1 << 30)),
        ReadOuterHypervisor(),
        Environment.Version.ToString());

    /// <summary>Build and revision, the version's name and the edition: what WHP offers hangs on all of them.</summary>
    [System.Runtime.Versioning.SupportedOSPlatform("windows")]
    private static string ReadWindowsBuild()
    {
        static string Value(string name) => Convert.ToString(Registry.GetValue(WindowsVersion, name, null), CultureInfo.InvariantCulture) ?? "";
        return $"{Value("CurrentBuildNumber")}.{Value("UBR")} {Value("DisplayVersion")} {Value("EditionID")}".Trim();
    }

    /// <summary>The processor's own name (Intel SDM vol. 2A, CPUID leaves 0x80000002 to 0x80000004).</summary>
    private static string ReadProcessor()
    {
        if (!X86Base.IsSupported || (uint)X86Base.CpuId(unchecked((int)0x8000_0000), 0).Eax < 0x8000_0004)
        {
            return RuntimeInformation.ProcessArchitecture.ToString();
        }

        var name = new StringBuilder();
        for (uint leaf = 0x8000_0002; leaf <= 0x8000_0004; leaf++)
        {
            (int eax, int ebx, int ecx, int edx) = X86Base.CpuId(unchecked((int)leaf), 0);
            name.Append(Text(eax, ebx, ecx, edx));
        }

        return name.ToString().Trim();
    }

    /// <summary>Vendor, family, model and stepping (CPUID leaves 0 and 1).</summary>
    private static string ReadSignature()
    {
        if (!X86Base.IsSupported)
        {
            return "";
        }

        (int _, int ebx, int ecx, int edx) = X86Base.CpuId(0, 0);
        return $"{Text(ebx, edx, ecx)} 0x{X86Base.CpuId(1, 0).Eax:X}";
    }

    /// <summary>What the system itself runs under (CPUID leaf 0x40000000), where leaf 1 says that it does (ECX, bit 31).</summary>
    private static string ReadOuterHypervisor()
    {
        if (!X86Base.IsSupported || X86Base.CpuId(1, 0).Ecx >= 0)
        {
            return "";
        }

        (int _, int ebx, int ecx, int edx) = X86Base.CpuId(0x4000_0000, 0);
        return Text(ebx, ecx, edx);
    }

    private static string Text(params ReadOnlySpan<int> registers)
    {
        string text = Encoding.Latin1.GetString(MemoryMarshal.AsBytes(registers));
        return string.Concat(text.Where(static c => c is >= ' ' and <= '~'));
    }
}
