using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using HvSdk.Devices.Virtio.Linux.Interop;
using HvSdk.Live;

namespace HvSdk.Devices.Virtio.Linux.Tests.Interop;

/// <summary>The numbers of the interop code against the headers of this machine.</summary>
public sealed class AbiTests
{
    private const string Prologue = """
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <poll.h>
        #include <stddef.h>
        #include <stdio.h>
        #include <sys/eventfd.h>
        #include <sys/ioctl.h>
        #include <sys/resource.h>
        #include <sys/stat.h>
        #include <sys/syscall.h>
        #include <sys/vfs.h>
        #include <time.h>
        #include <unistd.h>
        #include <linux/falloc.h>
        #include <linux/if.h>
        #include <linux/if_tun.h>
        #include <linux/magic.h>
        #include <linux/openat2.h>
        int main(void)
        {

        """;

    [Fact]
    public async Task Constants_AgainstTheHeaders_AreEqual()
    {
        Dictionary<string, ulong> here = ((Type[])[typeof(LibC), typeof(Tun)]).SelectMany(static type => type.GetFields(BindingFlags.NonPublic | BindingFlags.Static))
            .Where(static field => char.IsUpper(field.Name[1]) && field.FieldType != typeof(string))
            .DistinctBy(static field => field.Name)
            .ToDictionary(static field => field.Name, static field => (ulong)Convert.ToInt64(field.GetValue(null), CultureInfo.InvariantCulture) & uint.MaxValue);
        Dictionary<string, ulong> headers = await AskAsync(here.Keys);
        Assert.Equal(here.OrderBy(static fact => fact.Key), headers.OrderBy(static fact => fact.Key));
    }

    [Fact]
    public async Task Structures_AgainstTheHeaders_HaveTheirOffsets()
    {
        Type[] types = [typeof(open_how), typeof(timespec), typeof(rlimit), typeof(statx_timestamp), typeof(statx), typeof(statfs)];
        Dictionary<string, ulong> here = [];
        foreach (Type type in types)
        {
            here.Add($"sizeof(struct {type.Name})", (ulong)Marshal.SizeOf(type));
            foreach (FieldInfo field in type.GetFields())
            {
                here.Add($"offsetof(struct {type.Name},{field.Name})", (ulong)Marshal.OffsetOf(type, field.Name));
            }
        }

        Assert.Equal(here.OrderBy(static fact => fact.Key), (await AskAsync(here.Keys)).OrderBy(static fact => fact.Key));
    }

    private static async Task<Dictionary<string, ulong>> AskAsync(IEnumerable<string> names)
    {
        if (!File.Exists("/usr/bin/gcc"))
        {
            LiveHypervisor.SkipOrFail("gcc", "gcc is not installed (Debian: gcc, libc6-dev, linux-libc-dev).");
        }

        DirectoryInfo folder = Directory.CreateTempSubdirectory("hvsdk-abi-");
        try
        {
            var source = new StringBuilder(Prologue);
            foreach (string name in names)
            {
                source.Append(CultureInfo.InvariantCulture, $"    printf(\"{name}|%u\\n\", (unsigned int)({name}));\n");
            }

            string file = Path.Combine(folder.FullName, "abi.c");
            string program = Path.Combine(folder.FullName, "abi");
            await File.WriteAllTextAsync(file, source.Append("    return 0;\n}\n").ToString());
            await RunAsync("/usr/bin/gcc", "-Wall", "-Werror", "-o", program, file);
            string output = await RunAsync(program);
            return output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => line.Split('|'))
                .ToDictionary(static parts => parts[0], static parts => ulong.Parse(parts[1], CultureInfo.InvariantCulture));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        CommandResult result = await Command.RunAsync(new ProcessStartInfo(program, arguments), TimeSpan.FromMinutes(2));
        Assert.True(result.ExitCode == 0, result.ToString());
        return result.Output;
    }
}
