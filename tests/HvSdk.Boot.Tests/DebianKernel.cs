using System.Diagnostics;
using HvSdk.Live;

namespace HvSdk.Boot.Tests;

/// <summary>Debian's kernels, as their packages have them.</summary>
/// <remarks>Downloaded once, into artifacts/kernels. A test that needs one is skipped where apt does not give it, or fails with HVSDK_REQUIRE=kernels.</remarks>
internal static class DebianKernel
{
    private static readonly Lock s_gate = new();
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3);

    /// <summary>The small kernel for cloud machines: LZ4.</summary>
    internal const string Cloud = "linux-image-cloud-amd64";

    /// <summary>The kernel for all machines.</summary>
    internal const string Standard = "linux-image-amd64";

    /// <summary>The path of a kernel's bzImage, or skips the test.</summary>
    internal static string Find(string package)
    {
        string folder = Path.Combine(Root(), "artifacts", "kernels", package);
        lock (s_gate)
        {
            if (!Directory.EnumerateFiles(Directory.CreateDirectory(folder).FullName, "vmlinuz-*").Any())
            {
                Download(package, folder);
            }
        }

        return Directory.EnumerateFiles(folder, "vmlinuz-*").First();
    }

    private static void Download(string package, string folder)
    {
        // The package is a pointer to that of the newest kernel. The last step is a move: a folder with a kernel has a whole one.
        const string Script = """
            set -e
            kernel=$(apt-cache depends "$1" | sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\).*/\1/p' | head -n 1)
            test -n "$kernel"
            work=$(mktemp -d)
            trap 'rm -rf "$work"' EXIT
            cd "$work"
            apt-get download -q -o APT::Sandbox::User=root "$kernel" >&2
            dpkg-deb --fsys-tarfile ./*.deb | tar -x --wildcards './boot/vmlinuz-*'
            cp boot/vmlinuz-* "$2/new"
            mv "$2/new" "$2/$(cd boot && echo vmlinuz-*)"
            """;
        string reason;
        try
        {
            using Process process = Process.Start(new ProcessStartInfo("bash", ["-c", Script, "bash", package, folder]) { RedirectStandardError = true })!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            if (!process.WaitForExit(s_limit))
            {
                process.Kill(entireProcessTree: true);
                process.WaitForExit();
                reason = $"it took longer than {s_limit}";
            }
            else if (process.ExitCode == 0)
            {
                return;
            }
            else
            {
                reason = errors.Result;
            }
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            reason = e.Message;
        }

        LiveHypervisor.SkipOrFail("kernels", $"{package} could not be downloaded with apt: {reason}");
    }

    private static string Root()
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "HvSdk.sln")))
            {
                return folder;
            }
        }

        LiveHypervisor.SkipOrFail("kernels", "The tests do not run within the repository, whose artifacts folder keeps the kernels.");
        throw new UnreachableException();
    }
}
