namespace HvSdk.Samples.BootGuest;

/// <summary>What is said where no kernel was named: how to get one, or which one is here.</summary>
internal static class KernelAdvice
{
    private const string Download =
        """
        Nothing to boot: name a kernel with --kernel. On Debian and Ubuntu one comes without being installed:

            apt-get download linux-image-6.1.0-XX-cloud-amd64      (the name: apt-cache depends linux-image-cloud-amd64)
            dpkg-deb --fsys-tarfile linux-image-*.deb | tar -x --wildcards './boot/vmlinuz-*'

        and tests/guests/build.sh makes two, each with a small initial RAM disk that has a shell, in artifacts/guests.
        """;

    public static string Text
    {
        get
        {
            string? found = new[] { "artifacts/guests/cloud", "/boot" }
                .Where(Directory.Exists)
                .SelectMany(static folder => Directory.EnumerateFiles(folder, "vmlinuz*"))
                .Order(StringComparer.Ordinal)
                .FirstOrDefault(IsReadable);
            return found is null ? Download : $"{Download}{Environment.NewLine}{Offer(found)}";
        }
    }

    private static string Offer(string kernel)
    {
        string folder = Path.GetDirectoryName(kernel)!;
        string initrd = Path.Combine(folder, Path.GetFileName(kernel).Replace("vmlinuz", "initrd", StringComparison.Ordinal).Replace("initrd-", "initrd.img-", StringComparison.Ordinal));
        return
            $"""
             There is one here:

                 dotnet run --project samples/BootGuest -- --kernel {kernel}{(File.Exists(initrd) ? $" --initrd {initrd}" : "")} --append "console=ttyS0"
             """;
    }

    private static bool IsReadable(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
