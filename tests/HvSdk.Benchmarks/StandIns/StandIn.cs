using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace HvSdk.Benchmarks.StandIns;

/// <summary>A stand-in of tests/, built by its own script, and the C program of native/ that does with it what HvSdk does.</summary>
/// <param name="Library">Path of the library.</param>
/// <param name="PeerPath">Path of the program; its argument is the library.</param>
internal sealed record StandIn(string Library, string PeerPath)
{
    private string[] _switch = [];

    private delegate int TurnSwitch([MarshalAs(UnmanagedType.LPUTF8Str)] string name, ulong value, out ulong before);

    internal Peer StartPeer() => new(PeerPath, [Library, .. _switch]);

    /// <summary>Turns a switch of the stand-in, here and in the program.</summary>
    internal void Switch(string name, ulong value)
    {
        nint export = NativeLibrary.GetExport(NativeLibrary.Load(Library), "HvSdkStandInSwitch");
        if (Marshal.GetDelegateForFunctionPointer<TurnSwitch>(export)(name, value, out _) != 0)
        {
            throw new InvalidOperationException($"The stand-in has no switch {name}.");
        }

        _switch = [name, value.ToString(CultureInfo.InvariantCulture)];
    }

    /// <summary>The stand-in for the Windows Hypervisor Platform, or null where it cannot be built, which is said on the error output.</summary>
    internal static StandIn? TryBuildWhp() => TryBuild("whp-standin", "whp.c", Path.Combine("linux", "libWinHvPlatform.so"), includes: Path.Combine("artifacts", "whp-standin", "linux", "include"));

    /// <summary>The stand-in for Hypervisor.framework, or null.</summary>
    internal static StandIn? TryBuildHvf() => TryBuild("hvf-standin", "hvf.c", "libhvf-standin.so", Path.Combine("tests", "hvf-standin"));

    /// <summary>Compiles the framework's functions that run no guest (native/canned_hvf.c), for the backend alone.</summary>
    /// <returns>The library's path, or null where the repository is not there.</returns>
    internal static string? TryBuildCannedHvf()
    {
        if (FindRoot() is not { } root)
        {
            return null;
        }

        string target = Path.Combine(Peer.Folder, "libcanned-hvf.so");
        Peer.Compile(target, ["canned_hvf.c"], ["-shared", "-fPIC", $"-I{Path.Combine(root, "tests", "hvf-standin")}"]);
        return target;
    }

    private static StandIn? TryBuild(string name, string source, string library, string includes)
    {
        if (FindRoot() is not { } root)
        {
            Console.Error.WriteLine($"{name}: left out, since the repository is not around this program.");
            return null;
        }

        string script = Path.Combine(root, "tests", name, "build.sh");
        try
        {
            using Process build = Process.Start(new ProcessStartInfo(script) { UseShellExecute = false })!;
            build.WaitForExit();
            if (build.ExitCode != 0)
            {
                Console.Error.WriteLine($"{name}: left out, since {script} ended with {build.ExitCode}.");
                return null;
            }
        }
        catch (Win32Exception e)
        {
            Console.Error.WriteLine($"{name}: left out, since {script} did not start: {e.Message}.");
            return null;
        }

        string peer = Path.Combine(Peer.Folder, $"{name}-peer");
        Peer.Compile(peer, ["standin.c", source], [$"-I{Path.Combine(root, includes)}", "-ldl"]);
        return new StandIn(Path.Combine(root, "artifacts", name, library), peer);
    }

    private static string? FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "HvSdk.sln")))
            {
                return folder.FullName;
            }
        }

        return null;
    }
}
