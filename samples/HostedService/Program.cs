// HvSdk in an application of the generic host: the container opens the hypervisor, HvSdk logs where everything else logs, and a
// hosted service runs a guest on a thread of its own until the guest is done or the application stops.
using HvSdk;
using HvSdk.Backends.Kvm;
using HvSdk.Samples.HostedService;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

if (Hypervisor.Probe(KvmBackend.Instance) is { IsAvailable: false } probe)
{
    Console.Error.WriteLine(probe);
    return 1;
}

HostApplicationBuilder builder = Host.CreateApplicationBuilder(args);
builder.Logging.AddFilter("HvSdk", LogLevel.Debug); // partitions that come and go
builder.Services.AddHvSdk().AddKvm();
builder.Services.AddHostedService<GuestService>();

await builder.Build().RunAsync();
return Environment.ExitCode;
