using System.Globalization;
using System.Text;
using HvSdk.Boot;

namespace HvSdk.Samples.Sandbox;

/// <summary>Puts the sandbox's init (the file 'init' beside this one) into an initial RAM disk.</summary>
internal static class SandboxInit
{
    private const int Alignment = 4;
    private const string Executable = "000081ED"; // a file that anybody may run

    /// <summary>The kernel unpacks archives that follow one another, and the later file of a name replaces the earlier one.</summary>
    public static BootFile AddTo(string initialRamDisk)
    {
        using var archive = new MemoryStream();
        archive.Write(File.ReadAllBytes(initialRamDisk));
        Pad(archive);
        using (Stream resource = typeof(SandboxInit).Assembly.GetManifestResourceStream("init")!)
        using (var content = new MemoryStream())
        {
            resource.CopyTo(content);
            AddEntry(archive, "init", Executable, content.ToArray());
        }

        AddEntry(archive, "TRAILER!!!", "00000000", []);
        return BootFile.FromMemory(archive.ToArray());
    }

    /// <summary>An entry of the format 'newc' of cpio: a magic, 13 fields of 8 hexadecimal digits, the name with a NUL, the content.</summary>
    private static void AddEntry(MemoryStream archive, string name, string mode, byte[] content)
    {
        const string zero = "00000000";
        string size = content.Length.ToString("X8", CultureInfo.InvariantCulture);
        string nameSize = (name.Length + 1).ToString("X8", CultureInfo.InvariantCulture);
        string header = $"070701{zero}{mode}{zero}{zero}00000001{zero}{size}{zero}{zero}{zero}{zero}{nameSize}{zero}";
        archive.Write(Encoding.ASCII.GetBytes($"{header}{name}\0"));
        Pad(archive);
        archive.Write(content);
        Pad(archive);
    }

    private static void Pad(MemoryStream archive)
    {
        while (archive.Position % Alignment != 0)
        {
            archive.WriteByte(0);
        }
    }
}
